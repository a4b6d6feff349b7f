package token

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// Values computed with Python's hashlib, hmac, zlib and json.
const (
	goldenHMAC = "nimh1.AAVuaW1oMQALZGVtb19hcHBrZXkABWFsaWNlAA0xNzAwMDAwMDAwMDAwAAM2MDAAEAABAgMEBQYHCAkKCwwNDg8.yvXxbLepK-ZkTFFQBNx1-ZLqN6nVeoLqIPhoIv4sXEk"
	goldenJWT  = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImFwcF9rZXkiOiJkZW1vX2FwcGtleSIsImV4cCI6MTcwMDAwMDYwMCwiaWF0IjoxNzAwMDAwMDAwfQ.yc_QHL5Fw8kl1dJT9dVIHKPBvcOsXh1gnQwFcteoKkQ"
	goldenSig  = "O7aygYAFCh3czi4pxB3IyopQqLGF3Z0lZSr8GKCIUhQ="
	// The usual level; stored blocks with TLS.time as a string; a userbuf.
	userSigDeflated = "eJyrVgrxCdYrzkxXslJQ8jdPrEyPdHRzzjBOrso0KahwMvaszC8ILPRxdzOOMsiJCi6ycPd29gzNCLRV0lEAay1LLQJpNdIzgIlkpqTmlWSmZUIkEnMyk1NhUsUp2YkFBZkpQAlDEwMogMqlVhRkFqUCZcwMTCzgoiWZuSAxQ3OY6loAVa4yCA__"
	userSigStored   = "eAEBtABL-3siVExTLnNpZyI6ICJPN2F5Z1lBRkNoM2N6aTRweEIzSXlvcFFxTEdGM1owbFpTcjhHS0NJVWhRPSIsICJUTFMudmVyIjogIjIuMCIsICJUTFMuaWRlbnRpZmllciI6ICJhbGljZSIsICJUTFMuc2RrYXBwaWQiOiAxNDAwMDAwMDAwLCAiVExTLmV4cGlyZSI6IDYwNDgwMCwgIlRMUy50aW1lIjogIjE3MDAwMDAwMDAifbjaMkw_"
	userSigUserBuf  = "eNqrVgrxCdYrzkxXslJQ8jSpsCgvSDQ1SnMM84zy8a3SDgzxcouMMEs2zNKPtCzz0S5xyiooiKpyNLFV0lEAay1LLQJpNdIzgIlkpqTmlWSmZUIkEnMyk1NhUsUp2YkFBZkpQAlDEwMogMqlVhRkFqUCZcwMTCzgoiWZuSAxQ3M01aXFqUVJpWkgGyLDvbKUagHIOzg*"
)

var (
	signed = time.Unix(1700000000, 0)
	alice  = Expect{
		AppKey: "demo_appkey", SDKAppID: 1400000000, Account: "alice",
		Secrets: []string{"old", "demo_secret"}, Now: signed.Add(time.Minute),
	}
	aliceSig = with(alice, func(e *Expect) { e.Secrets = []string{"demo_secret_key"} })
	spec     = Spec{
		AppKey: "demo_appkey", SDKAppID: 1400000000, Account: "alice", Secret: "demo_secret",
		IssuedAt: signed, TTL: 10 * time.Minute,
	}
)

func with(e Expect, change func(*Expect)) Expect { change(&e); return e }

func TestGoldenDynamicSignature(t *testing.T) {
	got := dynamicSignature("demo_appkey", "alice", 1700000000000, 600, "demo_secret")
	if want := "6cb031645f58aff465fddb66b807a88ca453e421"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGoldenHMAC(t *testing.T) {
	nonce := make([]byte, 16)
	for i := range nonce {
		nonce[i] = byte(i)
	}
	if got := newHMAC(spec, nonce); got != goldenHMAC {
		t.Errorf("\n got %s\nwant %s", got, goldenHMAC)
	}
}

func TestGoldenUserSigInput(t *testing.T) {
	m := hmac.New(sha256.New, []byte("demo_secret_key"))
	m.Write(userSigInput(userSig{Identifier: "alice"}, 1400000000, 1700000000, 604800))
	if got := base64.StdEncoding.EncodeToString(m.Sum(nil)); got != goldenSig {
		t.Errorf("got %s, want %s", got, goldenSig)
	}
}

func TestTokensOfOthersAreRead(t *testing.T) {
	for name, tc := range map[string]struct {
		verify func(string, Expect) (Claims, error)
		token  string
		want   Expect
		ttl    time.Duration
	}{
		"hmac":             {VerifyHMAC, goldenHMAC, alice, 600 * time.Second},
		"jwt":              {VerifyJWT, goldenJWT, alice, 600 * time.Second},
		"usersig":          {VerifyUserSig, userSigDeflated, aliceSig, 604800 * time.Second},
		"usersig, stored":  {VerifyUserSig, userSigStored, aliceSig, 604800 * time.Second},
		"usersig, userbuf": {VerifyUserSig, userSigUserBuf, aliceSig, 604800 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := tc.verify(tc.token, tc.want)
			if err != nil {
				t.Fatal(err)
			}
			if !c.IssuedAt.Equal(signed) || !c.ExpiresAt.Equal(signed.Add(tc.ttl)) {
				t.Errorf("claims = %+v", c)
			}
		})
	}
}

// kinds pairs what makes a kind with what reads it.
var kinds = map[string]struct {
	make   func(Spec) (string, error)
	verify func(string, Expect) (Claims, error)
}{
	"dynamic": {NewDynamic, VerifyDynamic},
	"hmac":    {NewHMAC, VerifyHMAC},
	"usersig": {NewUserSig, VerifyUserSig},
	"jwt":     {NewJWT, VerifyJWT},
}

func TestEachKindSaysWhatIsWrong(t *testing.T) {
	for name, kind := range kinds {
		token, err := kind.make(spec)
		if err != nil {
			t.Fatal(err)
		}
		// A dynamic token's one signature covers all: it cannot tell what differs.
		account, app := nimerr.TokenAccountMismatch, nimerr.TokenAppMismatch
		if name == "dynamic" {
			account, app = nimerr.TokenKeyMismatch, nimerr.TokenKeyMismatch
		}
		for _, tc := range []struct {
			name   string
			change func(*Expect)
			want   *nimerr.Kind
		}{
			{"right", func(*Expect) {}, nil},
			{"last second", func(e *Expect) { e.Now = signed.Add(10*time.Minute - time.Millisecond) }, nil},
			{"expired", func(e *Expect) { e.Now = signed.Add(10 * time.Minute) }, nimerr.TokenExpired},
			{"clock a little behind", func(e *Expect) { e.Now = signed.Add(-30 * time.Second) }, nil},
			{"from the future", func(e *Expect) { e.Now = signed.Add(-2 * time.Minute) }, nimerr.TokenNotYetValid},
			{"other key", func(e *Expect) { e.Secrets = []string{"x", ""} }, nimerr.TokenKeyMismatch},
			{"other account", func(e *Expect) { e.Account = "bob" }, account},
			{"other app", func(e *Expect) { e.AppKey, e.SDKAppID = "other", 1400000001 }, app},
		} {
			t.Run(name+"/"+tc.name, func(t *testing.T) {
				c, err := kind.verify(token, with(alice, tc.change))
				if tc.want == nil && err != nil || tc.want != nil && !errors.Is(err, tc.want) {
					t.Fatalf("got %v, want %v", err, tc.want)
				}
				if tc.want == nil && (!c.IssuedAt.Equal(signed) || !c.ExpiresAt.Equal(signed.Add(10*time.Minute))) {
					t.Errorf("claims = %+v", c)
				}
				e, ok := errors.AsType[*nimerr.Error](err)
				if ok && (e.ServerCode != 0) != (name == "usersig") {
					t.Errorf("server code %d", e.ServerCode)
				}
			})
		}
	}
}

func TestMalformed(t *testing.T) {
	var bomb bytes.Buffer
	w := zlib.NewWriter(&bomb)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	noAlg := strings.Replace(goldenJWT, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", jwtEncoding.EncodeToString([]byte(`{"alg":"none"}`)), 1)
	crit := strings.Replace(goldenJWT, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", jwtEncoding.EncodeToString([]byte(`{"alg":"HS256","crit":["x"]}`)), 1)
	for name, kind := range kinds {
		for _, token := range []string{
			"", "x", strings.Repeat("e", MaxSize+1), "nimh1.", "nimh1..", "nimh1.AAAA.AAAA", "eyJ.eyJ.", "eyJ..", "..",
			base64.StdEncoding.EncodeToString([]byte(`{"signature":"x","curTime":"soon","ttl":1}`)),
			base64.StdEncoding.EncodeToString([]byte(`{"signature":"x","curTime":1700000000000,"ttl":-1}`)),
			toURL.Replace(base64.StdEncoding.EncodeToString(bomb.Bytes())), noAlg, crit, noAlg[:strings.LastIndex(noAlg, ".")+1],
			userSigDeflated[:len(userSigDeflated)-8], goldenJWT + ".x",
		} {
			if _, err := kind.verify(token, alice); err == nil || !errors.Is(err, nimerr.TokenInvalid) && !errors.Is(err, nimerr.TokenKeyMismatch) {
				t.Errorf("%s: %.40q: %v", name, token, err)
			}
		}
	}
}

// Who wants a token that never ends writes the largest number there is room for.
func TestTokensThatNeverEnd(t *testing.T) {
	for name, kind := range kinds {
		long := spec
		long.TTL = math.MaxUint32 * time.Second
		token, err := kind.make(long)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := kind.verify(token, alice); err != nil || !c.ExpiresAt.Equal(signed.Add(long.TTL)) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// Signers whose users have numbers for names write them as numbers.
func TestJWTNamesMayBeNumbers(t *testing.T) {
	verify := func(claims string) error {
		part := jwtEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + jwtEncoding.EncodeToString([]byte(claims))
		m := hmac.New(sha256.New, []byte(alice.Secrets[0]))
		m.Write([]byte(part))
		_, err := VerifyJWT(part+"."+jwtEncoding.EncodeToString(m.Sum(nil)), with(alice, func(e *Expect) { e.Account, e.AppKey = "10086", "1400000000" }))
		return err
	}
	for _, claims := range []string{
		`{"sub":10086,"exp":1700000600}`, `{"account":10086,"app_key":1400000000,"exp":1700000600}`, `{"sub":"10086","account":10086,"exp":1700000600}`,
	} {
		if err := verify(claims); err != nil {
			t.Errorf("%s: %v", claims, err)
		}
	}
	for claims, want := range map[string]*nimerr.Kind{
		`{"sub":10087,"exp":1700000600}`:      nimerr.TokenAccountMismatch,
		`{"sub":1.0086e4,"exp":1700000600}`:   nimerr.TokenInvalid,
		`{"sub":["10086"],"exp":1700000600}`:  nimerr.TokenInvalid,
		`{"sub":{"x":10086},"exp":170000600}`: nimerr.TokenInvalid,
	} {
		if err := verify(claims); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", claims, err, want)
		}
	}
}

func TestJWTMustExpire(t *testing.T) {
	head := jwtEncoding.EncodeToString([]byte(`{"alg":"HS256"}`))
	for body, want := range map[string]*nimerr.Kind{
		`{"sub":"alice"}`:                                      nimerr.TokenInvalid,
		`{"sub":"alice","exp":1700000600}`:                     nil,
		`{"account":"alice","exp":1700000600.5}`:               nil,
		`{"sub":"alice","account":"bob","exp":1700000600}`:     nimerr.TokenAccountMismatch,
		`{"sub":"alice","exp":1700000600,"nbf":1700000300}`:    nimerr.TokenNotYetValid,
		`{"sub":"alice","exp":1e300}`:                          nimerr.TokenInvalid,
		`{"sub":"alice","exp":"1700000600"}`:                   nimerr.TokenInvalid,
		`{"sub":"alice","exp":1700000600} {}`:                  nimerr.TokenInvalid,
		`{"sub":"alice","exp":1700000600,"app_key":"another"}`: nimerr.TokenAppMismatch,
	} {
		part := head + "." + jwtEncoding.EncodeToString([]byte(body))
		m := hmac.New(sha256.New, []byte("demo_secret"))
		m.Write([]byte(part))
		_, err := VerifyJWT(part+"."+jwtEncoding.EncodeToString(m.Sum(nil)), alice)
		if want == nil && err != nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", body, err, want)
		}
	}
}

func TestFormsAreToldApart(t *testing.T) {
	for token, want := range map[string][2]bool{
		userSigDeflated: {true, false}, userSigStored: {true, false}, goldenJWT: {false, true},
		goldenHMAC: {false, false}, "a-static-token": {false, false}, NewStatic(): {false, false},
	} {
		if got := [2]bool{IsUserSig(token), IsJWT(token)}; got != want {
			t.Errorf("%.20s: usersig, jwt = %v, want %v", token, got, want)
		}
	}
}

// FuzzVerify holds that no token panics a reader and none is accepted that the
// secret did not sign.
func FuzzVerify(f *testing.F) {
	for _, s := range []string{goldenHMAC, goldenJWT, userSigDeflated, userSigStored, userSigUserBuf, "eyJ..", "nimh1.AAAA.AAAA"} {
		f.Add(s)
	}
	want := with(alice, func(e *Expect) { e.Secrets = []string{"a secret that signed nothing"} })
	f.Fuzz(func(t *testing.T, token string) {
		for name, kind := range kinds {
			if _, err := kind.verify(token, want); err == nil {
				t.Fatalf("%s accepted %q", name, token)
			}
		}
	})
}

// A header that is refused says which of its keys is to blame.
func TestAJWTHeaderNamesWhatIsWrong(t *testing.T) {
	for head, want := range map[string]string{
		`{"alg":"none"}`: "alg", `{"alg":"HS256","typ":"JOSE"}`: "typ", `{"alg":"HS256","crit":["exp"]}`: "crit",
	} {
		_, err := VerifyJWT(jwtEncoding.EncodeToString([]byte(head))+goldenJWT[strings.Index(goldenJWT, "."):], alice)
		if !errors.Is(err, nimerr.TokenInvalid) || !strings.Contains(err.Error(), want+" of the JWT") {
			t.Errorf("%s: %v", head, err)
		}
	}
}
