package main

// docs writes docs/API.md and docs/ERRORS.md.
func docs(s *Spec) ([]File, error) {
	d := &reference{Spec: s, types: s.types()}
	return []File{d.api(), d.errors()}, nil
}
