package backend

// UploadLog hands one part of the client's log to the operator -> nothing.
type UploadLog struct {
	Feedback, Name string
	Part           int
	Last           bool
	Data           []byte
}
