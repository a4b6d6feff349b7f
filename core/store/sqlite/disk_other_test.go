//go:build !linux

package sqlite

import "testing"

func smallDisk(t *testing.T) string {
	t.Skip("a small disk is mounted on Linux")
	return ""
}
