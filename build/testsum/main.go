// Testsum reads the output of go test -json: it prints a line per package, all
// that a failed test printed, and the sum. It fails if a test or package failed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// event is one line of go test -json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// summary counts top-level tests; a package that fails without a failed test,
// because it does not build or panics, counts as one.
type summary struct {
	passed, failed, skipped int

	output map[string]*strings.Builder // of a test or package, until it has passed
	broken map[string]bool             // packages with a failed test
}

func main() {
	s := summary{output: map[string]*strings.Builder{}, broken: map[string]bool{}}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // not from a test: the go command itself
			continue
		}
		s.see(e)
	}
	if err := in.Err(); err != nil {
		fmt.Println(err)
		s.failed++
	}
	fmt.Printf("%d passed, %d failed", s.passed, s.failed)
	if s.skipped > 0 {
		fmt.Printf(", %d skipped", s.skipped)
	}
	fmt.Println()
	if s.failed > 0 {
		os.Exit(1)
	}
}

func (s *summary) see(e event) {
	// What a subtest prints is kept with its top-level test.
	test, _, isSub := strings.Cut(e.Test, "/")
	key := e.Package + " " + test
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
	case "output":
		b := s.output[key]
		if b == nil {
			b = &strings.Builder{}
			s.output[key] = b
		}
		b.WriteString(e.Output)
	case "pass", "fail", "skip":
		if isSub {
			return
		}
		if test == "" {
			s.endPackage(e)
		} else {
			s.endTest(e, key)
		}
		delete(s.output, key)
	}
}

func (s *summary) endTest(e event, key string) {
	switch e.Action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
		fmt.Printf("skip    %s %s\n%s", e.Package, e.Test, s.output[key])
	case "fail":
		s.failed++
		s.broken[e.Package] = true
		fmt.Printf("not ok  %s %s\n%s", e.Package, e.Test, s.output[key])
	}
}

func (s *summary) endPackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Printf("ok      %s %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		if !s.broken[e.Package] {
			s.failed++
		}
		fmt.Printf("not ok  %s\n", e.Package)
		for key, b := range s.output { // tests that a panic or a timeout cut off
			if strings.HasPrefix(key, e.Package+" ") {
				fmt.Print(b)
			}
		}
	}
}
