package nimdtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Compile runs the C compiler (CC, or cc) with the headers of the products and
// warnings as errors. Libraries follow sources in args.
func Compile(products string, args ...string) error {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	args = append([]string{
		"-std=gnu11", "-O2", "-g", "-pthread", "-Wall", "-Wextra", "-Werror",
		"-I" + filepath.Join(products, "include"),
	}, args...)
	out, err := exec.Command(cc, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w\n%s", cc, args, err, out)
	}
	return nil
}
