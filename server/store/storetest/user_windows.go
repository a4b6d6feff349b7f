package storetest

import "os/exec"

func owned(string) error { return nil }

func unprivileged(*exec.Cmd) {}
