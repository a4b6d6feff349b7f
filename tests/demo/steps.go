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
	{"nimd crashes and is started again; accounts are kept", func(d *demo) error {
		return first(
			func() error { d.note("kill -9 of nimd"); return d.nimd.Kill() },
			d.desk.hears(`disconnect `),
			func() error { d.note("nimd runs again, on the same data"); return d.nimd.Restart() },
			d.desk.hears(`relogin .*"err_code":200.*"login_step":3`),
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
