package datadir

// The disk is nearly full below spaceLow, and is so no longer above spaceEnough.
// The gap keeps a disk at the border from a notice at every look.
const (
	spaceLow    = 64 << 20
	spaceEnough = 128 << 20
)

// Space returns how many bytes this user may still write to the disk of the
// directory.
func (d *Dir) Space() (uint64, error) { return freeSpace(d.path) }

// SpaceNotice looks at the disk and says whether its user is to be told that
// it is nearly full: true once each time it becomes so. It may be called as
// often as wanted; a disk that cannot be asked counts as not full.
func (d *Dir) SpaceNotice() (free uint64, notice bool) {
	free, err := d.Space()
	if err != nil {
		return 0, false
	}
	return free, d.spaceNotice(free)
}

func (d *Dir) spaceNotice(free uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case free < spaceLow && !d.low:
		d.low = true
		return true
	case free > spaceEnough:
		d.low = false
	}
	return false
}
