package wire

// Hello is the server's greeting, sent as soon as the upgrade is done. The
// client sends its login after it.
type Hello struct {
	Server       string `json:"server"`         // name and version, for logs
	HeartbeatMS  int64  `json:"heartbeat_ms"`   // how often the client pings; the server drops it after 2.5 of them
	ServerTimeMS int64  `json:"server_time_ms"` // Unix time in milliseconds
	Conn         string `json:"conn"`           // id of this connection, for logs

	Epoch    uint64   `json:"epoch,omitempty"`    // of the store: numbers of entries hold for one epoch
	Features []string `json:"features,omitempty"` // operations that the server knows besides those of the session
	Limits   *Limits  `json:"limits,omitempty"`
}

// Login asks for a session. It is the first request of a connection, sent once.
type Login struct {
	AppKey           string `json:"app_key"`
	Account          string `json:"account"`
	Token            string `json:"token"`
	AuthType         int    `json:"auth_type"` // 0 static or self-describing, 1 NIM dynamic, 2 webhook
	LoginEx          string `json:"login_ex,omitempty"`
	CustomTag        string `json:"custom_tag,omitempty"`
	ClientType       int    `json:"client_type"` // NIMClientType
	CustomClientType int    `json:"custom_client_type,omitempty"`
	ClientOS         string `json:"client_os"`
	DeviceID         string `json:"device_id"`
	Mac              string `json:"mac,omitempty"`
	SDK              string `json:"sdk"` // client library and version, for logs
	OperationID      string `json:"operation_id"`
	Force            bool   `json:"force"`              // false: do not displace another device, answer 417
	Relogin          bool   `json:"relogin"`            // automatic or manual reconnect of a session, not a fresh login
	Instance         string `json:"instance,omitempty"` // random, one for each run of the client; together with Attempt
	Attempt          uint64 `json:"attempt,omitempty"`  // counts the logins that this run has sent, from 1

	// SessionBeganMS goes with Relogin: the ServerTimeMS of the answer to the
	// session's first login, sent back unchanged by each relogin. 0: not known.
	SessionBeganMS int64 `json:"session_began_ms,omitempty"`
}

// LoginOK answers an accepted Login.
type LoginOK struct {
	Session          string   `json:"session"`                     // id of this session on the server
	Others           []Device `json:"other_clients_pres"`          // other devices of the account, without this device id
	ServerTimeMS     int64    `json:"server_time_ms"`              // Unix time in milliseconds
	TokenExpiresAtMS int64    `json:"token_expires_at_ms"`         // Unix time in milliseconds; 0: never
	TokenExpiringMS  int64    `json:"token_expiring_ms,omitempty"` // how long before that the early notice comes; 0: server's default
	SwitchOpen       int      `json:"switch_open"`                 // NIM push-while-PC-online switch: 1 or 2
	Profile          *Profile `json:"profile,omitempty"`           // what the server knows of the account; may be missing
}

// LoginRefused is the body of a reply that refuses a login, where there is
// more to say than the code.
type LoginRefused struct {
	Others []Device `json:"other_clients_pres,omitempty"` // 417 other_device_online: who is in the way
	Kicked *Kicked  `json:"kicked,omitempty"`             // 417 kicked_offline: the kick that happened meanwhile
}

// Profile is the public record of an account.
type Profile struct {
	Account string `json:"account"`
	Name    string `json:"name,omitempty"`
	Icon    string `json:"icon,omitempty"`
	Ex      string `json:"ex,omitempty"`
}

// Device is one other device of the account.
type Device struct {
	Account          string `json:"app_account"`
	ClientType       int    `json:"client_type"`
	CustomClientType int    `json:"custom_client_type,omitempty"`
	ClientOS         string `json:"client_os"`
	Mac              string `json:"mac"`
	DeviceID         string `json:"device_id"`
	LoginTimeMS      int64  `json:"login_time"`
	CustomTag        string `json:"custom_tag"`
}

// Presence says that devices of the account came on line or left.
type Presence struct {
	Type    int      `json:"type"` // 2 in, 3 out (NIMMultiSpotNotifyType)
	Devices []Device `json:"devices"`
}

// Kick reasons (NIMKickReason).
const (
	KickSameType = 1
	KickByServer = 2
	KickByOther  = 3
)

// Kicked ends a session. Who did it is empty where the server did.
type Kicked struct {
	Reason           int    `json:"reason_code"`
	Description      string `json:"reason_description"`
	ClientType       int    `json:"client_type"`
	CustomClientType int    `json:"custom_client_type"`
	DeviceID         string `json:"device_id"`
	TimeMS           int64  `json:"time_ms"`
}

// GoingAway tells that this server will close the connection, and when to come back.
type GoingAway struct {
	Reason       string `json:"reason"`
	RetryAfterMS int64  `json:"retry_after_ms"`
}

// TokenExpiry gives when the session's token ends.
type TokenExpiry struct {
	ExpiresAtMS int64 `json:"expires_at_ms"`         // Unix time in milliseconds; 0: never
	ServerCode  int32 `json:"server_code,omitempty"` // of token_expired: the number that the token's family gives it
}

// Logout ends the session. The server answers, then closes.
type Logout struct {
	Type int `json:"type"` // NIMLogoutType
}

// KickOther asks to drop other devices of the own account.
type KickOther struct {
	DeviceIDs []string `json:"device_ids"`
}

// KickOtherOK gives a result for each device asked for, in that order.
type KickOtherOK struct {
	Results []KickResult `json:"results"`
}

// KickResult is 200, or 404 for a device that is not online.
type KickResult struct {
	DeviceID string `json:"device_id"`
	Code     int32  `json:"code"`
}

// RenewToken replaces the session's token in place.
type RenewToken struct {
	Token    string `json:"token"`
	AuthType int    `json:"auth_type"`
	LoginEx  string `json:"login_ex,omitempty"`
}

// PushConfig is the push-while-PC-online switch: 1 no mobile push while a PC
// is online, 2 push always.
type PushConfig struct {
	SwitchOpen int `json:"switch_open"`
}

// Time is the server's clock.
type Time struct {
	ServerTimeMS int64 `json:"server_time_ms"`
}

// UploadLog hands the client's log to the operator. One frame holds one part.
type UploadLog struct {
	Feedback string `json:"feedback"`
	Name     string `json:"name"`
	Part     int    `json:"part"` // from 0
	Last     bool   `json:"last"`
	Data     []byte `json:"data"` // base64 in JSON
}

// LBS is the answer of the discovery service.
type LBS struct {
	Link     []string `json:"link"`      // ws:// or wss:// URLs, or host:port
	LinkIPv6 []string `json:"link_ipv6"` // the same over IPv6
	TTLS     int64    `json:"ttl_s"`     // seconds for which the answer may be cached
}
