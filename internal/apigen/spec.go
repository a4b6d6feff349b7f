package main

// A Spec is the whole description: every file of api/, merged.
type Spec struct {
	Build   Build
	Modules []*Module
	Codes   []Code
	Errors  []ErrorRow
	Opaque  []OpaqueGroup
}

// A Module is one header pair and the functions in it.
type Module struct {
	Module    string
	Title     string
	Doc       string
	Header    string // file with the functions; empty: the module has none
	Def       string // file with enums, structs, callbacks and keys
	Enums     []Enum
	Structs   []Struct
	Callbacks []*Callback
	Functions []*Function
	Payloads  []*Payload
	Keys      []Key
}

// An Enum of the C ABI. Its values are frozen.
type Enum struct {
	Name   string
	Doc    string
	Values []EnumValue
}

// An EnumValue is one enumerator.
type EnumValue struct {
	Name  string
	Value int64
	Doc   string
}

// A Struct crosses the ABI by pointer, by reference or by value.
type Struct struct {
	Name   string
	Doc    string
	Fields []Field
}

// A Field of a Struct. A type that begins with "fn " is a function pointer:
// "fn RESULT (PARAMETERS)".
type Field struct {
	Name  string
	Type  string
	Array int
	Count string // the field that holds the length of what this one points to
	Doc   string
}

// A Callback is a function pointer typedef.
type Callback struct {
	Name    string
	Doc     string
	Alias   string // another typedef that this one names
	Returns string // empty: void
	Params  []Param
	// How a completion is answered without the Go side. Neutral holds the
	// arguments that are not zero or empty, Code names the parameter with the
	// result code, ErrorJSON the one that gets {"err_code":...}. A callback
	// without the neutral key never completes a call.
	Neutral   map[string]any
	Code      string
	ErrorJSON string `yaml:"error_json"`
	Ask       *Ask   // it gives something back: how long that is waited for, and what it is
}

// An Ask is how a callback that gives something back is asked.
type Ask struct {
	Result string // flag: its bool result; number: its int; text: what it stores at its out parameters
	Within int    // ms in which the host does nothing, after which it is not waited for; 0: who asks says how long
}

// Status says what stands behind an exported name.
type Status string

// The statuses. Names without a known signature are in Spec.Opaque.
const (
	Implemented Status = "implemented"
	Unbuilt     Status = "unbuilt" // keeps registrations, answers calls with the neutral answer
)

// Answerer says which part of the library answers an implemented function.
type Answerer string

// The parts.
const (
	ByGo    Answerer = "go"    // checked in C, passed to Go
	ByFront Answerer = "front" // generated C alone
	ByHand  Answerer = "hand"  // front.c defines it; only the prototype is generated
)

// A Function is one exported name with a known signature.
type Function struct {
	Name   string
	Status Status
	By     Answerer
	Since  string
	Doc    string
	Notes  string   // when it is legal, what it blocks on, which thread; empty: the default
	Errors []string // names of errors.yaml that its completion can carry
	Slot   string   // the registration it sets
	Ack    string   // the registration that hears its outcome
	Ends   bool     // the slot's events end calls, though no function names it as its Ack: they outlive a cleanup
	Replay bool     // the slot's current state is replayed after a detach
	Heard  bool     // Go is told of each registration for the slot
	Op     bool     // a hand function that passes some of its calls to Go
	Early  bool     // passed to Go before init too
	Multi  bool     // its callback may run several times before the final one
	Within bool     // its callback runs on the caller's thread, before the call returns
	// Answer is how its callback is answered without the Go side, by parameter of
	// the callback, over what the callback's Neutral says. See shape.go.
	Answer     map[string]any
	Extra      string // more members of the error object, beginning with a comma
	Returns    string // empty: void
	ReturnsDoc string `yaml:"returns_doc"`
	Otherwise  string // text that a function returning char * gives when it has none
	Params     []Param
}

// A Param of a function or callback.
type Param struct {
	Name  string
	Type  string // as C writes it; "&" marks what C++ sources pass by reference
	JSON  bool
	Role  string // not empty: a callback that does not complete the call ("progress", "wake")
	Count string // the parameter that holds the length of the array that this one points to
	// What a void * of a callback points to while the library answers by itself.
	PointsTo string `yaml:"points_to"`
	Doc      string
}

// A Payload is a JSON object that crosses the ABI.
type Payload struct {
	Name    string
	Doc     string
	Dir     string   // in: decoded, out: appended, group: members of other payloads
	For     []string // where it is used: FUNCTION.PARAMETER
	Include []string // groups whose members it has
	Fields  []PayloadField
}

// A PayloadField is one member of a Payload.
type PayloadField struct {
	Key     string
	Aliases []string
	Type    string   // string int int64 bool ?bool any PAYLOAD *PAYLOAD, [] of these
	Accept  []string // JSON types taken as well: string, bool, int, ignore-bool
	Default any
	Omit    bool  // written only when it is not zero
	Decoded *bool // false: described only
	Doc     string
}

// A Key is a JSON key constant of the NIM headers.
type Key struct {
	Name string
	Key  string
	Type string
	Doc  string
}

// A Code is one value of enum NIMResCode.
type Code struct {
	Value int64
	Name  string
	Doc   string
}

// An ErrorRow is one row of the error table.
type ErrorRow struct {
	Name      string
	Code      int
	Domain    string
	Retryable bool
	Tencent   int
	OpenIM    int `yaml:"openim"`
	Text      string
}

// An OpaqueGroup lists exported names whose signature is not known.
type OpaqueGroup struct {
	Group string
	Names []string
}
