package backend

// The push-while-PC-online switch: 1 no mobile push while a PC is online, 2 push
// always.
type (
	PushGet    struct{}                 // -> PushConfig
	PushSet    struct{ SwitchOpen int } // -> PushConfig
	PushConfig struct{ SwitchOpen int }
)

// PushChanged is the push that another device set the switch.
type PushChanged struct{ SwitchOpen int }
