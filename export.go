// Command libnim is the shared library. Its public symbols, and all that is
// between them and core, are in internal/cabi.
package main

import _ "github.com/libnim/libnim/internal/cabi"

func main() {} // a c-shared library has one that never runs
