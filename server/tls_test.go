package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
)

// writeCert puts a new self-signed certificate into the files, and returns a
// pool that trusts it.
func writeCert(t *testing.T, certFile, keyFile string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "nimd test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}

func TestTLSIsServedAndReloaded(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first := writeCert(t, cert, key, 1)
	e := startEdges(t, 1, func(_ int, c *server.Config) { c.TLSCert, c.TLSKey = cert, key })[0]
	if !strings.HasPrefix(e.Link, "wss://") || !strings.HasPrefix(e.Admin, "https://") {
		t.Fatalf("ready line: %+v", e.Ready)
	}
	dial := func(pool *x509.CertPool) error {
		d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, TLSClientConfig: &tls.Config{RootCAs: pool}}
		ws, _, err := d.Dial(e.Link, nil)
		if err == nil {
			_ = ws.Close()
		}
		return err
	}
	if err := dial(first); err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: first}}}
	resp, err := client.Get(e.LBS)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var lbs wire.LBS
	if err := json.NewDecoder(resp.Body).Decode(&lbs); err != nil || len(lbs.Link) != 1 || lbs.Link[0] != e.Link || lbs.TTLS == 0 {
		t.Errorf("lbs = %+v, %v", lbs, err)
	}

	second := writeCert(t, cert, key, 2)
	if err := e.ReloadTLS(); err != nil {
		t.Fatal(err)
	}
	if err := dial(second); err != nil {
		t.Errorf("after the reload: %v", err)
	}
	if err := os.WriteFile(cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.ReloadTLS(); err == nil {
		t.Error("a broken file was taken")
	}
	if err := dial(second); err != nil {
		t.Errorf("after a broken file: %v", err)
	}
	third := writeCert(t, cert, key, 3) // noticed without being told
	waitFor(t, "the changed certificate is in use", func() bool { return dial(third) == nil })
}

func TestAdminOnItsOwnAddress(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) { c.AdminListen = "127.0.0.1:0" })[0]
	e.do("GET", "/policy", nil)
	if status := get(t, strings.TrimSuffix(e.Admin, "/v1")+"/metrics"); status != http.StatusOK {
		t.Errorf("/metrics on the operator's address, without a key: %d", status)
	}
	public := strings.TrimSuffix(e.LBS, "/lbs")
	for _, path := range []string{"/v1/policy", "/metrics"} {
		if status := get(t, public+path); status != http.StatusNotFound {
			t.Errorf("%s on the public address: %d", path, status)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status := get(t, public+path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// On the address that clients reach, the metrics are the operator's alone.
func TestMetricsOnTheClientsAddressWantTheKey(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	if status := get(t, strings.TrimSuffix(e.LBS, "/lbs")+"/metrics"); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d", status)
	}
	if text := e.metrics(); !strings.Contains(text, "nimd_ready 1") {
		t.Errorf("with the key: %s", text)
	}
}

// get returns the status of a call without a key.
func get(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// firstFlight returns what a client sends before it has an answer.
func firstFlight(t *testing.T, c *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go func() { _ = tls.Client(client, c).Handshake() }()
	var hello [4096]byte
	n, err := server.Read(hello[:])
	if err != nil {
		t.Fatal(err)
	}
	return hello[:n]
}

// Fifty sockets say hello and nothing more, and come again when they are
// closed. Honest clients are served as without them.
func TestHalfDoneHandshakesKeepNobodyOut(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	trusted := writeCert(t, cert, key, 1)
	e := startEdges(t, 1, func(_ int, c *server.Config) { c.TLSCert, c.TLSKey = cert, key })[0]
	address := strings.TrimSuffix(strings.TrimPrefix(e.Link, "wss://"), "/nim")
	hellos := [][]byte{
		firstFlight(t, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}),
		firstFlight(t, &tls.Config{InsecureSkipVerify: true}),
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var answered atomic.Int32
	for i := range 50 {
		wg.Go(func() {
			for ctx.Err() == nil {
				c, err := net.Dial("tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				end := context.AfterFunc(ctx, func() { _ = c.Close() })
				_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond)) // then the next one
				_, _ = c.Write(hellos[i%len(hellos)])
				var p [4096]byte
				if _, err := c.Read(p[:]); err == nil {
					answered.Add(1)
				}
				_, _ = io.Copy(io.Discard, c)
				end()
				_ = c.Close()
			}
		})
	}
	waitFor(t, "the half-done handshakes", func() bool { return answered.Load() >= 50 })
	d := websocket.Dialer{
		Subprotocols: []string{wire.Subprotocol}, TLSClientConfig: &tls.Config{RootCAs: trusted}, HandshakeTimeout: patience,
	}
	for range 20 {
		start := time.Now()
		ws, _, err := d.Dial(e.Link, nil)
		if err != nil {
			t.Fatalf("an honest client after %v: %v", time.Since(start), err)
		}
		_ = ws.Close()
		if took := time.Since(start); took > 3*time.Second { // a turn was waited for
			t.Errorf("an honest client needed %v", took)
		}
	}
}
