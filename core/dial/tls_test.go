package dial

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// authority is a CA of the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // PEM
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key, file: pemFile(t, der)}
}

func pemFile(t *testing.T, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// issue signs a server certificate; a nil authority makes it self-signed.
func (ca *authority) issue(t *testing.T, edit func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key := newKey(t)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test server"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if edit != nil {
		edit(tmpl)
	}
	parent, signer := tmpl, key
	if ca != nil {
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func pinOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// serveTLS runs an echo gateway on a host of loopback and returns its address.
func serveTLS(t *testing.T, host string, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: echo(websocket.Upgrader{}), ErrorLog: quiet}
	go s.Serve(tls.NewListener(l, config))
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func TestTLSErrorsHaveNames(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	early := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	elsewhere := func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"elsewhere.example"}, nil }
	notServer := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	good := ca.issue(t, nil)
	pem, err := os.ReadFile(ca.file)
	if err != nil {
		t.Fatal(err)
	}
	marked := filepath.Join(t.TempDir(), "marked.pem")
	if err := os.WriteFile(marked, append([]byte("\ufeff"), pem...), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		cert   tls.Certificate
		client TLS
		kind   *nimerr.Kind // nil: it works
		detail string
	}{
		{"good", good, TLS{CAFile: ca.file}, nil, ""},
		{"CA file with a byte order mark", good, TLS{CAFile: marked}, nil, ""},
		{"expired", ca.issue(t, expired), TLS{CAFile: ca.file}, nimerr.TLSCertificateExpired, ""},
		{"not yet valid", ca.issue(t, early), TLS{CAFile: ca.file}, nimerr.TLSCertificateExpired, ""},
		{"wrong host", ca.issue(t, elsewhere), TLS{CAFile: ca.file}, nimerr.TLSWrongHost, ""},
		{"unknown authority", good, TLS{}, nimerr.TLSUnknownAuthority, ""},
		{"another authority", good, TLS{CAFile: other.file}, nimerr.TLSUnknownAuthority, ""},
		{"self-signed", (*authority)(nil).issue(t, nil), TLS{CAFile: ca.file}, nimerr.TLSUnknownAuthority, "self-signed"},
		{"wrong purpose", ca.issue(t, notServer), TLS{CAFile: ca.file}, nimerr.TLSFailed, ""},
		{"pinned leaf", good, TLS{CAFile: ca.file, Pins: []string{pinOf(other.cert), pinOf(good.Leaf)}}, nil, ""},
		{"pinned authority", good, TLS{CAFile: ca.file, Pins: []string{"sha256/" + pinOf(ca.cert)}}, nil, ""},
		{"another pin", good, TLS{CAFile: ca.file, Pins: []string{pinOf(other.cert)}}, nimerr.TLSPinMismatch, ""},
		{"a pin is no root", good, TLS{Pins: []string{pinOf(good.Leaf)}}, nimerr.TLSUnknownAuthority, ""},
		{"no such CA file", good, TLS{CAFile: "nowhere.pem"}, nimerr.TLSFailed, "nowhere.pem"},
		{"bad pin", good, TLS{Pins: []string{"abc"}}, nimerr.TLSFailed, "pin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, host := range []string{"127.0.0.1", "::1"} {
				address := serveTLS(t, host, &tls.Config{Certificates: []tls.Certificate{tt.cert}})
				var a backend.Attempt
				d := &Dialer{TLS: tt.client}
				c, err := d.WebSocket(t.Context(), "wss://"+address+"/nim?token="+secret, Upgrade{}, &a)
				if tt.kind != nil {
					wantError(t, err, tt.kind, tt.detail)
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if a.TLS <= 0 || a.Upgrade <= 0 || a.Remote != address {
					t.Errorf("attempt %+v", a)
				}
				c.Abort()
			}
		})
	}
}

// The certificate of the name is checked, also where the name has several
// addresses or is localhost.
func TestTLSByName(t *testing.T) {
	ca := newAuthority(t)
	address := serveTLS(t, "127.0.0.1", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}})
	_, port, _ := net.SplitHostPort(address)
	d := &Dialer{TLS: TLS{CAFile: ca.file}, lookup: table(map[string]string{"localhost": "::1 127.0.0.1", "other": "127.0.0.1"})}
	c, err := d.WebSocket(t.Context(), "wss://localhost:"+port+"/", Upgrade{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Abort()
	_, err = d.WebSocket(t.Context(), "wss://other:"+port+"/", Upgrade{}, nil)
	wantError(t, err, nimerr.TLSWrongHost, "other")
}

// No connection is resumed: the pin is checked on each of them.
func TestTLSIsNotResumed(t *testing.T) {
	ca := newAuthority(t)
	resumed := make(chan bool, 2)
	address := serveTLS(t, "127.0.0.1", &tls.Config{
		Certificates:     []tls.Certificate{ca.issue(t, nil)},
		VerifyConnection: func(s tls.ConnectionState) error { resumed <- s.DidResume; return nil },
	})
	for range 2 {
		c, err := (&Dialer{TLS: TLS{CAFile: ca.file}}).WebSocket(t.Context(), "wss://"+address+"/", Upgrade{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Abort()
		if <-resumed {
			t.Error("a session was resumed")
		}
	}
}

func TestTLSVersion(t *testing.T) {
	ca := newAuthority(t)
	address := serveTLS(t, "127.0.0.1", &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, nil)},
		MinVersion:   tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
	})
	_, err := (&Dialer{TLS: TLS{CAFile: ca.file}}).WebSocket(t.Context(), "wss://"+address+"/", Upgrade{}, nil)
	wantError(t, err, nimerr.TLSFailed, "")
}

func TestServersThatDoNotSpeakTLS(t *testing.T) {
	tests := []struct {
		name   string
		answer func(net.Conn)
		kind   *nimerr.Kind
	}{
		{"HTTP", func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); io.Copy(io.Discard, c) }, nimerr.TLSFailed},
		{"closes", func(c net.Conn) { c.Read(make([]byte, 4096)) }, nimerr.ConnectionLost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err == nil {
					tt.answer(c)
					c.Close()
				}
			}()
			_, err = new(Dialer).WebSocket(t.Context(), "wss://"+l.Addr().String()+"/", Upgrade{}, nil)
			wantError(t, err, tt.kind, "TLS")
		})
	}
}

// A server that is spoken to in plain text but wants TLS says so with a 400.
func TestPlainTextToTLS(t *testing.T) {
	address := serveTLS(t, "127.0.0.1", &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, nil)}})
	_, err := new(Dialer).WebSocket(t.Context(), "ws://"+address+"/", Upgrade{}, nil)
	wantError(t, err, nimerr.NotAGateway, "HTTP 400 Bad Request, it speaks TLS; use_https, wss:// or https:// may be missing")
}

func TestTLSCheck(t *testing.T) {
	ca := newAuthority(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		config TLS
		ok     bool
	}{
		{TLS{}, true},
		{TLS{CAFile: ca.file, Pins: []string{pinOf(ca.cert)}}, true},
		{TLS{CAFile: "nowhere.pem"}, false},
		{TLS{CAFile: empty}, false},
		{TLS{Pins: []string{"abc"}}, false},
		{TLS{Pins: []string{""}}, false},
	}
	for _, tt := range tests {
		err := tt.config.Check()
		if (err == nil) != tt.ok || !tt.ok && !errors.Is(err, nimerr.InvalidArgument) {
			t.Errorf("%+v: %v", tt.config, err)
		}
	}
}
