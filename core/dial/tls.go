package dial

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/libnim/libnim/internal/nimerr"
)

// Check returns an InvalidArgument error if the CA file cannot be used or a pin
// is none.
func (t TLS) Check() error {
	if _, err := t.config(""); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	return nil
}

// config returns the configuration for one connection. The CA file is read each
// time, so that a renewed one is noticed.
func (t TLS) config(host string) (*tls.Config, error) {
	host, _, _ = strings.Cut(host, "%") // the zone of a link-local address is in no certificate
	c := &tls.Config{
		ServerName: host,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		// Every connection proves itself in full.
		SessionTicketsDisabled: true,
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("CA file: %w", err)
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool() // this system has none; the file may suffice
		}
		pem = bytes.TrimPrefix(pem, []byte("\ufeff")) // as editors on Windows write it
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA file %s holds no certificate", t.CAFile)
		}
		c.RootCAs = roots
	}
	if len(t.Pins) > 0 {
		pins, err := parsePins(t.Pins)
		if err != nil {
			return nil, err
		}
		// VerifyPeerCertificate would be skipped when a session is resumed.
		c.VerifyConnection = pins.verify
	}
	return c, nil
}

// pinned is a set of SHA-256 sums of SubjectPublicKeyInfo.
type pinned map[[sha256.Size]byte]bool

var errPinMismatch = errors.New("no key of the certificate chain is pinned")

func parsePins(pins []string) (pinned, error) {
	set := make(pinned, len(pins))
	for _, p := range pins {
		p = strings.TrimPrefix(strings.TrimSpace(p), "sha256/")
		sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(p, "="))
		if err != nil || len(sum) != sha256.Size {
			return nil, errors.New("a pin is not the base64 of a SHA-256 sum")
		}
		set[[sha256.Size]byte(sum)] = true
	}
	return set, nil
}

// verify accepts a connection if a key of a verified chain is pinned. It runs
// after the ordinary verification, so a pin never replaces a trusted root.
func (p pinned) verify(state tls.ConnectionState) error {
	for _, chain := range state.VerifiedChains {
		for _, cert := range chain {
			if p[sha256.Sum256(cert.RawSubjectPublicKeyInfo)] {
				return nil
			}
		}
	}
	return errPinMismatch
}

// tlsError returns the row for a handshake that TLS itself refused, or nil if it
// was the transport that failed.
func tlsError(err error) *nimerr.Error {
	if errors.Is(err, errPinMismatch) {
		return nimerr.TLSPinMismatch.New("")
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return &nimerr.Error{Kind: nimerr.TLSWrongHost, Detail: e.Error(), Cause: err}
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		detail := ""
		if e.Cert != nil && e.Cert.Subject.String() == e.Cert.Issuer.String() {
			detail = "it is self-signed"
		}
		return &nimerr.Error{Kind: nimerr.TLSUnknownAuthority, Detail: detail, Cause: err}
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return &nimerr.Error{Kind: nimerr.TLSCertificateExpired, Detail: e.Detail, Cause: err}
		}
		return &nimerr.Error{Kind: nimerr.TLSFailed, Detail: e.Error(), Cause: err}
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return nimerr.TLSFailed.New("the server does not speak TLS")
	}
	if networkKind(err) == nimerr.ConnectionFailed && !errors.Is(err, errTooMuch) {
		return nimerr.TLSFailed.Wrap(err)
	}
	return nil
}
