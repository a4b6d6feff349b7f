package session

import "github.com/libnim/libnim/internal/abi"

// Status is what nimx_client_get_status answers.
type Status int

// The statuses as the ABI numbers them.
const (
	StatusLoggedOut    Status = abi.StatusLoggedOut
	StatusLoggingIn    Status = abi.StatusLoggingIn
	StatusOnline       Status = abi.StatusOnline
	StatusReconnecting Status = abi.StatusReconnecting
	StatusGaveUp       Status = abi.StatusGaveUp
	StatusKicked       Status = abi.StatusKicked
	StatusLoggingOut   Status = abi.StatusLoggingOut
	StatusPaused       Status = abi.StatusPaused
)

// LoginState is what nim_client_get_login_state answers: 1 logged in, 2 not.
func (s Status) LoginState() int {
	if s == StatusOnline {
		return abi.LoginStateLogin
	}
	return abi.LoginStateUnLogin
}

// loginStep is NIMLoginStep, with the name that errors carry in "step".
type loginStep int

const (
	stepLinking  loginStep = abi.LoginStepLinking
	stepLink     loginStep = abi.LoginStepLink
	stepLogining loginStep = abi.LoginStepLogining
	stepLogin    loginStep = abi.LoginStepLogin
)

func (s loginStep) String() string {
	return [...]string{"linking", "link", "logining", "login"}[s]
}

// Kinds of connection events.
const (
	connConnecting     = "connecting"
	connConnected      = "connected"
	connReady          = "ready"
	connProfileUpdated = "profile_updated"
	connFailed         = "failed"
	connLost           = "lost"
	connRetryIn        = "retry_in"
	connKicked         = "kicked"
	connTokenExpiring  = "token_expiring"
	connTokenExpired   = "token_expired"
	connTokenInvalid   = "token_invalid"
	connNotReady       = "not_ready"
	connClosed         = "closed"
)

// dataSyncs are the syncs that programs may wait for after a login, in their
// order, with what each brings: no teams. The last, unread messages, is the
// engine's, which posts it when they were told; a replay has it too. The syncs of one team's members and of
// one conversation's messages come once per team and conversation: not at all.
var dataSyncs = [...]struct {
	kind       int
	attachment string
}{
	{abi.DataSyncTypeTeamInfo, "[]"},
	{abi.DataSyncTypeAllTeamUserList, ""},
	{abi.DataSyncTypeSuperTeamInfo, "[]"},
	{abi.DataSyncTypeAllSuperTeamUserList, ""},
	{abi.DataSyncTypeUnreadMsg, "{}"},
}
