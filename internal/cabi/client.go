package cabi

import (
	"github.com/libnim/libnim/core"
	"github.com/libnim/libnim/core/push"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// The functions of client, and those of nimx_client.

// refused refuses a call whose callback takes one JSON object.
func refused(c call) func(*nimerr.Error) {
	return refusal(c, c.id() != 0, func(err *nimerr.Error) {
		sink{}.Answer(c.id(), abi.AnswerJsonTransport(&abi.LoginResult{ErrorInfo: abi.ErrorInfoOf(err), LoginStep: abi.LoginStepLogin}), true)
	})
}

func (calls) clientLogin(c call, appKey, account, token, extension string) {
	options(extension, abi.DecodeLoginOptions, refused(c), func(o abi.LoginOptions) {
		with(func(k *core.Client) {
			k.Login(c.id(), session.LoginRequest{AppKey: appKey, Account: account, Token: token, Options: o})
		})
	})
}

func (calls) clientRelogin(call, string) { with(func(k *core.Client) { k.Relogin() }) }

func (calls) clientLogout(c call, kind int, extension string) {
	o, _ := abi.DecodeLogoutOptions(extension) // nobody stays logged in because of a wrong extension
	with(func(k *core.Client) { k.Logout(c.id(), kind, o.OperationId) })
}

func (calls) clientKickOtherClient(c call, extension string) {
	refuse := refusal(c, kickHeard(), func(err *nimerr.Error) {
		with(func(k *core.Client) { k.Kick.Refuse(err) })
	})
	options(extension, abi.DecodeKickOtherRequest, refuse, func(r abi.KickOtherRequest) {
		if len(r.DeviceIds) == 0 {
			refuse(nimerr.InvalidArgument.New("device_ids: want the ids of the devices to drop, got none"))
			return
		}
		with(func(k *core.Client) { k.Kick.Other(r.DeviceIds) })
	})
}

func (calls) clientSetMultiportPushConfig(c call, content, _ string) {
	refuse := refusal(c, c.id() != 0, func(err *nimerr.Error) {
		sink{}.Answer(c.id(), push.Result(abi.ErrorInfoOf(err), 0), true)
	})
	options(content, abi.DecodePushConfig, refuse, func(p abi.PushConfig) {
		if p.SwitchOpen != 1 && p.SwitchOpen != 2 {
			refuse(nimerr.InvalidArgument.Newf("switch_open: want 1 or 2, got %d", p.SwitchOpen))
			return
		}
		with(func(k *core.Client) { k.Push.Set(c.id(), p.SwitchOpen) })
	})
}

func (calls) clientGetMultiportPushConfig(c call, _ string) {
	with(func(k *core.Client) { k.Push.Get(c.id()) })
}

func (calls) clientGetServerCurrentTime(c call, _ bool, _ string) {
	with(func(k *core.Client) { k.ServerTime(c.id()) })
}

func (calls) nimxClientGetLoginUser(call) (text string) {
	with(func(k *core.Client) { text = string(k.LoginUser().AppendJSON(nil)) })
	return text
}

func (calls) nimxClientRenewToken(c call, token, extension string) {
	options(extension, abi.DecodeRenewTokenOptions, refused(c), func(o abi.RenewTokenOptions) {
		with(func(k *core.Client) { k.RenewToken(c.id(), token, o) })
	})
}

func (calls) nimxClientNetworkChanged(call, string) {
	with(func(k *core.Client) { k.NetworkChanged() })
}

func (calls) nimxClientPause(c call, _ string) { with(func(k *core.Client) { k.Pause(c.id()) }) }

func (calls) nimxClientResume(c call, _ string) { with(func(k *core.Client) { k.Resume(c.id()) }) }

func (calls) nimxClientDiagnostics(c call, _ string) {
	with(func(k *core.Client) { k.Diagnostics(c.id()) })
}

func (calls) nimxClientCapabilities(call) (text string) {
	with(func(k *core.Client) { text = string(k.Describe().AppendJSON(nil)) })
	return text
}
