package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A bill says what binaries are made of, as they say it themselves.
type bill struct {
	version, target string
	toolchain       string            // of Go, such as go1.26.8
	modules         map[string]module // by path
	digests         map[string]string // SHA-256 of each binary, by file name
}

type module struct {
	version string
	sum     string // of its source, as in go.sum
}

// withBuildInfo keeps the files that Go has linked.
func withBuildInfo(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := buildinfo.ReadFile(name)
		return err != nil
	})
}

// newBill reads what the binaries are made of.
func newBill(version, target string, binaries []string) (*bill, error) {
	if len(binaries) == 0 {
		return nil, fmt.Errorf("nothing was built for %s", target)
	}
	b := &bill{version: version, target: target, modules: map[string]module{}, digests: map[string]string{}}
	for _, name := range binaries {
		info, err := buildinfo.ReadFile(name)
		if err != nil {
			return nil, err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		digest := sha256.Sum256(data)
		b.digests[filepath.Base(name)] = hex.EncodeToString(digest[:])
		b.toolchain = info.GoVersion
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			b.modules[m.Path] = module{version: m.Version, sum: m.Sum}
		}
	}
	return b, nil
}

// The part of CycloneDX 1.5 that a bill fills in.
type (
	document struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type       string      `json:"type"`
		Ref        string      `json:"bom-ref"`
		Name       string      `json:"name"`
		Version    string      `json:"version,omitempty"`
		Licenses   []license   `json:"licenses,omitempty"`
		Purl       string      `json:"purl,omitempty"`
		Hashes     []hash      `json:"hashes,omitempty"`
		Components []component `json:"components,omitempty"`
	}
	license struct {
		License licenseID `json:"license"`
	}
	licenseID struct {
		ID string `json:"id"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
)

// json returns the bill as a CycloneDX document.
func (b *bill) json() ([]byte, error) {
	self := component{
		Type: "library", Ref: "libnim", Name: "libnim-" + b.target, Version: b.version,
		Licenses: []license{{licenseID{"Apache-2.0"}}},
	}
	for _, name := range slices.Sorted(maps.Keys(b.digests)) {
		self.Components = append(self.Components, component{
			Type: "file", Ref: name, Name: name, Hashes: []hash{{"SHA-256", b.digests[name]}},
		})
	}
	d := document{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{self}}
	std := strings.TrimPrefix(b.toolchain, "go")
	d.Components = append(d.Components, component{
		Type: "library", Ref: "pkg:golang/std@" + std, Name: "std", Version: std,
		Licenses: []license{{licenseID{"BSD-3-Clause"}}}, Purl: "pkg:golang/std@" + std,
	})
	for _, path := range slices.Sorted(maps.Keys(b.modules)) {
		m := b.modules[path]
		c := component{Type: "library", Name: path, Version: m.version, Purl: "pkg:golang/" + path + "@" + m.version}
		c.Ref = c.Purl
		// A sum of go.sum is the SHA-256 over the names and digests of the module's files.
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.sum, "h1:")); err == nil && len(sum) == sha256.Size {
			c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
		}
		d.Components = append(d.Components, c)
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}

// licenses returns the license texts of all that was linked, as those licenses
// ask of whoever passes on binaries.
func (b *bill) licenses() ([]byte, error) {
	root, err := command("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := addLicenses(&text, "Go "+b.toolchain, root); err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(b.modules)) {
		dir, err := command("go", "list", "-m", "-f", "{{.Dir}}", path)
		if err != nil {
			return nil, err
		}
		if err := addLicenses(&text, path+" "+b.modules[path].version, dir); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// addLicenses adds the license files of a directory under a title.
func addLicenses(text *bytes.Buffer, title, dir string) error {
	found := false
	for _, pattern := range []string{"COPYING*", "LICENCE*", "LICENSE*", "NOTICE*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(text, "==== %s: %s ====\n\n%s\n", title, filepath.Base(name), bytes.TrimRight(data, "\n"))
			text.WriteByte('\n')
			found = true
		}
	}
	if !found {
		return fmt.Errorf("no license text of %s in %s", title, dir)
	}
	return nil
}

// command returns what a command prints, without the end of its last line.
func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimRight(string(out), "\r\n"), nil
}
