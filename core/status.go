package core

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

// dataSyncTypes are the syncs that programs may wait for after a login.
var dataSyncTypes = [...]int{
	abi.DataSyncTypeUnreadMsg, abi.DataSyncTypeTeamInfo, abi.DataSyncTypeRoamMsg, abi.DataSyncTypeSuperTeamInfo,
	abi.DataSyncTypeTeamUserList, abi.DataSyncTypeAllTeamUserList,
	abi.DataSyncTypeSuperTeamUserList, abi.DataSyncTypeAllSuperTeamUserList,
}
