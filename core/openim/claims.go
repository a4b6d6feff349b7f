package openim

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// claims is what OpenIM writes into its tokens. They are read, not verified:
// the server does that. Zero values are unknown.
type claims struct {
	user     string
	platform int
	issued   time.Time
	expires  time.Time
}

// readClaims reads the middle part of a JWT; anything else has no claims.
func readClaims(token string) claims {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return claims{}
	}
	var j struct {
		UserID     string
		PlatformID int
		Iat        float64 `json:"iat"`
		Exp        float64 `json:"exp"`
	}
	if json.Unmarshal(text, &j) != nil {
		return claims{}
	}
	return claims{j.UserID, j.PlatformID, numericDate(j.Iat), numericDate(j.Exp)}
}

// numericDate is seconds since the epoch, as JWT has them; what lies outside
// of this and the next centuries is taken for unknown.
func numericDate(seconds float64) time.Time {
	if !(seconds >= 1 && seconds < 1e11) {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000))
}
