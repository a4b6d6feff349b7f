package main

import "fmt"

// steps are what the demo shows, in order.
var steps = []step{
	{"a PC logs in", func(d *demo) error {
		return first(
			d.desk.says("login alice alice-token"),
			d.desk.hears(`login .*"login_step":0`),
			d.desk.hears(`login .*"login_step":1`),
			d.desk.hears(`login .*"login_step":2`),
			d.desk.hears(`login .*"err_code":200.*"login_step":3`),
			d.desk.hears(`connection .*"event":"ready"`),
			d.desk.hears(`data sync .*status 1`),
			d.desk.says("whoami"),
			d.desk.hears(`nim_client_current_user_account\(\) = "alice", nim_client_get_login_state\(\) = 1`),
			d.desk.says("time"),
			d.desk.hears(`server time +code 200, [1-9]`),
		)
	}},
	{"a wrong token is refused", func(d *demo) error {
		return first(
			d.phone.says("login alice not-the-token"),
			d.phone.hears(`login .*"err_code":302.*"retrying":false`),
		)
	}},
	{"a phone of the same account logs in; the two see each other", func(d *demo) error {
		return first(
			d.phone.says("login alice alice-token"),
			d.phone.hears(`login .*"login_step":3.*"other_clients_pres":\[\{.*"device_id":"desk-1"`),
			d.desk.hears(`other device .*"multi_spot_notiy_type":2.*"device_id":"phone-1"`),
		)
	}},
	{"alice writes to bob; his list counts, and her phone follows", func(d *demo) error {
		return first(
			d.bob.says("login bob bob-token"),
			d.bob.hears(`login .*"err_code":200.*"login_step":3`),
			d.desk.says("send bob hello bob"),
			d.desk.hears(`acknowledged .*"rescode":200`),
			d.bob.hears(`received .*"from_id":"alice".*"msg_body":"hello bob"`),
			d.phone.hears(`received .*"feature":3.*"msg_body":"hello bob"`),
			d.bob.says("sessions"),
			d.bob.hears(`sessions +1 unread, .*"id":"alice"`),
			d.bob.says("send alice hello alice"),
			d.desk.hears(`received .*"msg_body":"hello alice"`),
			d.phone.hears(`received .*"msg_body":"hello alice"`),
			d.desk.says("read bob"),
			d.desk.hears(`read +code 200, 0 unread`),
			d.phone.hears(`session +code 200, 0 unread, .*"id":"bob"`),
		)
	}},
	{"bob goes away, and finds what he missed when he comes back", func(d *demo) error {
		return first(
			d.bob.says("logout"),
			d.bob.hears(`logout .*"err_code":200`),
			d.desk.says("send bob are you there?"),
			d.desk.hears(`acknowledged .*"rescode":200`),
			d.desk.says("send bob see you later"),
			d.desk.hears(`acknowledged .*"rescode":200`),
			d.bob.says("login bob bob-token"),
			d.bob.hears(`received .*"msg_body":"are you there\?"`),
			d.bob.hears(`received .*"msg_body":"see you later"`),
		)
	}},
	{"the PC kicks the phone", func(d *demo) error {
		return first(
			d.desk.says("kick phone-1"),
			d.phone.hears(`kickout .*"reason_code":3`),
			d.desk.hears(`kick other .*"err_code":200.*"device_ids":\["phone-1"\]`),
		)
	}},
	{"the line is cut; the library logs in again by itself", func(d *demo) error {
		d.note("the TCP path of the desk is closed")
		d.path.SetClosed(true)
		return first(
			d.desk.hears(`disconnect `),
			d.desk.hears(`connection .*"event":"retry_in"`),
			d.desk.hears(`relogin .*"retrying":true`),
			func() error {
				d.note("the TCP path of the desk is open again")
				d.path.SetClosed(false)
				return nil
			},
			d.desk.hears(`relogin .*"err_code":200.*"login_step":3`),
			d.desk.hears(`connection .*"event":"ready"`),
		)
	}},
	{"nimd crashes while alice writes, and is started again: nothing is lost, nothing comes twice", func(d *demo) error {
		return first(
			func() error { d.note("kill -9 of nimd"); return d.nimd.Kill() },
			d.desk.hears(`disconnect `),
			d.bob.hears(`disconnect `),
			d.desk.says("send bob written while the server was away"),
			func() error { d.note("nimd runs again, on the same data"); return d.nimd.Restart() },
			d.desk.hears(`relogin .*"err_code":200.*"login_step":3`),
			d.desk.hears(`acknowledged .*"rescode":200`),
			d.bob.hears(`received .*"msg_body":"written while the server was away"`),
			d.bob.says("history alice"),
			d.bob.hears(`history +code 200, alice, \{"count":5,.*server was away.*see you later.*are you there.*hello alice.*hello bob`),
		)
	}},
	{"the server kicks", func(d *demo) error {
		return first(
			func() error { d.note("POST /v1/kick"); return d.nimd.Kick("alice", "see you later") },
			d.desk.hears(`kickout .*"reason_code":2.*see you later`),
			d.desk.says("whoami"),
			d.desk.hears(`nim_client_current_user_account\(\) = "", nim_client_get_login_state\(\) = 2`),
		)
	}},
	{"log in, log out, clean up", func(d *demo) error {
		return first(
			d.desk.says("login alice alice-token"),
			d.desk.hears(`login .*"err_code":200.*"login_step":3`),
			d.desk.says("logout"),
			d.desk.hears(`logout .*"err_code":200`),
			d.desk.says("quit"),
			d.desk.hears(`nim_client_cleanup\(\) has returned`),
			d.phone.says("quit"),
			d.phone.hears(`nim_client_cleanup\(\) has returned`),
			d.bob.says("quit"),
			d.bob.hears(`nim_client_cleanup\(\) has returned`),
			d.bob.ends,
			d.desk.ends,
			d.phone.ends,
		)
	}},
}

// first runs actions up to the first that fails.
func first(actions ...func() error) error {
	for _, act := range actions {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// note prints what the demo itself does.
func (d *demo) note(text string) { d.out.print("", fmt.Sprintf("** %s", text)) }
