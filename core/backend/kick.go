package backend

// KickOther drops other devices of the account -> KickOtherOK.
type KickOther struct{ DeviceIDs []string }

// KickOtherOK has a result for each device asked for, in that order.
type KickOtherOK struct{ Results []KickResult }

// KickResult is 200, or why the device was not dropped.
type KickResult struct {
	DeviceID string
	Code     int32
}
