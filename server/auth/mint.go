package auth

import (
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/auth/token"
)

// maxMintTTL bounds the life of a minted token.
const maxMintTTL = 10 * 365 * 24 * time.Hour

// Mint makes a token of a signed kind, and says as which auth_type it is used.
func Mint(kind string, s token.Spec) (made string, authType int, err error) {
	if s.TTL < time.Second || s.TTL > maxMintTTL {
		return "", 0, nimerr.InvalidArgument.New("ttl_s: want 1 second to 10 years")
	}
	switch kind {
	case accounts.KindHMAC:
		made, err = token.NewHMAC(s)
	case accounts.KindJWT:
		made, err = token.NewJWT(s)
	case accounts.KindDynamic:
		authType = TypeDynamic
		made, err = token.NewDynamic(s)
	case accounts.KindUserSig:
		if s.SDKAppID == 0 {
			return "", 0, nimerr.InvalidArgument.New("kind: a usersig needs the app's sdkappid")
		}
		made, err = token.NewUserSig(s)
	default:
		return "", 0, nimerr.InvalidArgument.New(`kind: want "hmac", "jwt", "dynamic" or "usersig"`)
	}
	return made, authType, err
}
