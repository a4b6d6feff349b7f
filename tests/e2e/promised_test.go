package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const promisesTitle = "## 13. What the documented SDKs promise, and the test that shows it"

// A link to a test: its name, and the file beside docs/.
var testLink = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)

// Every behaviour in docs/CLIENT.md that the documented SDKs promise names
// tests, and they exist.
func TestEveryPromiseHasATest(t *testing.T) {
	const docs = "../../docs"
	text, err := os.ReadFile(filepath.Join(docs, "CLIENT.md"))
	must(t, err)
	_, section, found := strings.Cut(string(text), promisesTitle)
	if !found {
		t.Fatalf("docs/CLIENT.md has no %q", promisesTitle)
	}
	if next := strings.Index(section, "\n## "); next >= 0 {
		section = section[:next]
	}
	rows, links := 0, 0
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 2 || strings.HasPrefix(line, "| behaviour ") {
			continue
		}
		rows++
		named := testLink.FindAllStringSubmatch(cells[1], -1)
		if len(named) == 0 {
			t.Errorf("no test: %s", cells[0])
		}
		for _, link := range named {
			links++
			name, file := link[1], filepath.Join(docs, link[2])
			source, err := os.ReadFile(file)
			want := name
			if strings.HasSuffix(file, ".go") {
				want = "\nfunc " + name + "("
			}
			if err != nil || !strings.Contains(string(source), want) {
				t.Errorf("%s is not in %s (%v): %s", name, link[2], err, cells[0])
			}
		}
	}
	t.Logf("%d behaviours, %d links to tests", rows, links)
	if pages := strings.Count(section, "\n### "); pages != 5 || rows < 90 {
		t.Errorf("%d behaviours of %d pages", rows, pages)
	}
}
