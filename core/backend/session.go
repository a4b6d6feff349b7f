package backend

import "time"

// Login is everything a server may want to know to admit a session.
type Login struct {
	AppKey      string
	Account     string
	Token       string
	AuthType    int // NIMAuthType
	LoginEx     string
	CustomTag   string
	OperationID string
	Force       bool      // false: do not displace another device
	Relogin     bool      // a reconnect of a session that was online
	Began       time.Time // with Relogin: LoginOK.ServerTime of the session's first login; zero: not known
	Until       time.Time // when the program gives up on the login; zero: not soon
	Instance    string    // random, one for each session of this library
	Attempt     uint64    // counts the logins that it has sent, from 1
	Device      Device
}

// Device describes this client, or another device of the account.
type Device struct {
	Account          string
	ID               string
	ClientType       int // NIMClientType
	CustomClientType int
	OS               string
	Mac              string
	CustomTag        string
	LoginTime        time.Time // zero for this client
}

// Requests of the session.
type (
	Logout     struct{ Type int } // -> nothing
	RenewToken struct {           // -> TokenRenewed
		Token    string
		AuthType int
		LoginEx  string
	}
	ServerTime struct{} // -> Time
)

// Answers to the requests of the session.
type (
	// LoginOK answers a Login.
	LoginOK struct {
		Session        string
		Others         []Device
		ServerTime     time.Time
		TokenExpiresAt time.Time     // zero: never, or unknown
		TokenNotice    time.Duration // how long before that the server gives notice; 0: it does not
		SwitchOpen     int           // 0: unknown
		Profile        *Profile      // nil: unknown yet; it may follow as a push
	}
	// LoginRefused may accompany the error of a Login.
	LoginRefused struct {
		Others []Device // who is in the way
		Kicked *Kicked  // the kick that happened while this device was offline
	}
	TokenRenewed struct {
		ExpiresAt time.Time // zero: never, or unknown
	}
	Time struct{ Server time.Time }
)

// Pushes about the session.
type (
	// Kicked ends the session; the link ends after it.
	Kicked struct {
		Reason           int // NIMKickReason
		Description      string
		ClientType       int
		CustomClientType int
		DeviceID         string
		Time             time.Time
	}
	// Presence: other devices of the account came or left.
	Presence struct {
		Type    int // NIMMultiSpotNotifyType
		Devices []Device
	}
	// GoingAway: the server will close the link.
	GoingAway struct {
		Reason     string
		RetryAfter time.Duration
	}
	TokenExpiring struct{ ExpiresAt time.Time }
	TokenExpired  struct{ ServerCode int32 } // the number that the token's family gives it; 0: none
	// Profile is what the server knows of the account that is logged in.
	Profile struct{ Account, Name, Icon, Ex string }
)
