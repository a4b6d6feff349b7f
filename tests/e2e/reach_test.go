package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// initWith initialises a device with settings of the test's own.
func (d *device) initWith(dir string, settings map[string]any) {
	d.t.Helper()
	data, err := json.Marshal(settings)
	must(d.t, err)
	if e := d.do("init", dir, "", string(data)); string(e.Value) != "1" {
		d.t.Fatalf("%s: init failed: %s", d.name, d.do("init_error").Value)
	}
	for i, name := range all {
		d.do("on", name, strconv.Itoa(1000+i))
	}
}

// socks starts microsocks and returns its port; args may name a user.
func socks(t *testing.T, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("microsocks")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("microsocks is missing")
		}
		t.Skip("skip: microsocks is missing")
	}
	// microsocks cannot be told to choose a port itself.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	must(t, l.Close())
	cmd := exec.Command(program, append([]string{"-i", "127.0.0.1", "-p", port}, args...)...)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	waitFor(t, "the proxy to listen", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return port
}

const socks5 = "6"

// Traffic goes through the proxy; a change takes effect at the next connect.
func TestProxy(t *testing.T) {
	s := theServer(t)
	port := socks(t, "-u", "joe", "-P", "hush-hush")
	d := newDevice(t, "desk")
	d.do("set_proxy", socks5, "127.0.0.1", port, "joe", "hush-hush") // legal before init
	d.start(s, settings{})
	name := account(t, s)
	d.mustLogin(name)
	d.do("diagnostics", d.newTag("diagnostics"))
	if e := d.next("answer"); !strings.Contains(string(e.JSON.Raw), `"via":"socks5://127.0.0.1:`+port) {
		t.Errorf("diagnostics name no proxy: %s", e.JSON.Raw)
	}
	d.logout(1)

	d.do("set_proxy", socks5, "127.0.0.1", port, "joe", "wrong-password")
	e := d.loginWith("", name, "secret", `{"timeout_ms":1200}`)
	if e.JSON.ErrName != "proxy_auth_failed" || strings.Contains(string(e.JSON.Raw), "wrong-password") {
		t.Errorf("wrong password: %s", e.JSON.Raw)
	}
	d.do("set_proxy", "0", "", "0", "", "")
	d.mustLogin(name)

	d.do("detect_proxy", socks5, "127.0.0.1", port, "joe", "hush-hush", d.newTag("detect"))
	if e := d.next("proxy"); e.JSON.ErrCode != 200 {
		t.Errorf("detect: %s", e.JSON.Raw)
	}
	d.do("detect_proxy", socks5, "127.0.0.1", "1", "", "", d.newTag("detect"))
	if e := d.next("proxy"); e.JSON.ErrName != "proxy_failed" {
		t.Errorf("detect without a proxy: %s", e.JSON.Raw)
	}
}

// A certificate for 127.0.0.1 or for another name.
func certificate(t *testing.T, dir, host string, ends time.Time) (cert, key, pin string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nimd test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: ends, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(host); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	must(t, err)
	kd, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kd}), 0o600))
	spki, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	must(t, err)
	sum := sha256.Sum256(spki)
	return cert, key, base64.StdEncoding.EncodeToString(sum[:])
}

// Each fault of a certificate has a name of its own; a trusted one logs in.
func TestTLS(t *testing.T) {
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for _, c := range []struct {
		name, host string
		ends       time.Time
		trust      bool
		pin        string // "" none, "right", "wrong"
		want       string
	}{
		{"trusted", "127.0.0.1", later, true, "", ""},
		{"pinned", "127.0.0.1", later, true, "right", ""},
		{"self signed", "127.0.0.1", later, false, "", "tls_unknown_authority"},
		{"other host", "im.example", later, true, "", "tls_wrong_host"},
		{"expired", "127.0.0.1", before, true, "", "tls_certificate_expired"},
		{"other key", "127.0.0.1", later, true, "wrong", "tls_pin_mismatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cert, key, pin := certificate(t, t.TempDir(), c.host, c.ends)
			s := newServer(t, "--tls-cert", cert, "--tls-key", key)
			nimx := map[string]any{}
			if c.trust {
				nimx["ca_file"] = cert
			}
			switch c.pin {
			case "right":
				nimx["spki_pins"] = []string{pin}
			case "wrong":
				nimx["spki_pins"] = []string{base64.StdEncoding.EncodeToString(make([]byte, sha256.Size))}
			}
			d := newStarted(t, s, "desk", settings{link: "wss://" + s.Host() + "/nim", nimx: nimx})
			e := d.loginWith("", "nobody", "secret", `{"timeout_ms":1000}`)
			want := c.want
			if want == "" {
				want = "token_invalid" // the server has spoken: the way to it is good
			}
			if e.JSON.ErrName != want {
				t.Errorf("got %s, want %s", e.JSON.Raw, want)
			}
		})
	}
}

// The first address is dead: the second one is used, and used first from then on.
func TestSeveralLinks(t *testing.T) {
	s := theServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	dead := l.Addr().String()
	must(t, l.Close())
	d := newDevice(t, "desk")
	d.initWith(t.TempDir(), map[string]any{
		"app_key": s.AppKey, "private_server_setting": map[string]any{"link": []string{dead, s.Host()}},
	})
	d.mustLogin(account(t, s))
	d.do("diagnostics", d.newTag("diagnostics"))
	if e := d.next("answer"); !strings.Contains(string(e.JSON.Raw), "connection_refused") {
		t.Errorf("diagnostics do not tell of the dead address: %s", e.JSON.Raw)
	}
}

// The LBS tells the address; its answer is kept for when it cannot be asked.
func TestLBS(t *testing.T) {
	s := theServer(t)
	dir := t.TempDir()
	path := newPath(t, s)
	private := map[string]any{"lbs": "http://" + path.Host() + "/lbs", "lbs.backup": []string{"http://" + s.Host() + "/lbs"}}
	name := account(t, s)
	d := newDevice(t, "desk")
	path.SetClosed(true) // the backup answers
	d.initWith(dir, map[string]any{"app_key": s.AppKey, "private_server_setting": private})
	d.mustLogin(name)
	d.close()

	private["lbs"], private["lbs.backup"] = "http://"+path.Host()+"/lbs", []string{"http://" + s.Host() + "/lbs"}
	again := newDevice(t, "again")
	again.initWith(dir, map[string]any{"app_key": s.AppKey, "private_server_setting": private})
	again.mustLogin(name)
}

// The servers may stand in a file.
func TestServerConfFile(t *testing.T) {
	s := theServer(t)
	file := filepath.Join(t.TempDir(), "nim_server.conf")
	must(t, os.WriteFile(file, []byte(`{"link":["`+s.Host()+`"],"https_enabled":false}`), 0o600))
	d := newDevice(t, "desk")
	d.initWith(t.TempDir(), map[string]any{"app_key": s.AppKey, "server_conf_file_path": file})
	d.mustLogin(account(t, s))
}

// waitFor polls a condition that nothing announces.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(waitLimit)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited %v for %s", waitLimit, what)
		}
	}
}
