//go:build unix

package bustest

import (
	"syscall"
	"testing"
)

// Freeze stops the server, which keeps its connections and answers nothing.
func (n *Node) Freeze(t testing.TB) { n.signal(t, syscall.SIGSTOP) }

// Thaw lets it go on.
func (n *Node) Thaw(t testing.TB) { n.signal(t, syscall.SIGCONT) }

func (n *Node) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}
