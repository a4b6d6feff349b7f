package openimfake

// The values of multiLogin.policy that a real server accepts.
const (
	policyNone         = 0
	policySamePlatform = 1
	policySameClass    = 4
	policyPCAndOther   = 5
)

// A class is a kind of platform; every platform that is in none of the three
// is its own.
type class int

const (
	classPC class = -1 - iota
	classMobile
	classPad
)

func classOf(platform int) class {
	switch platform {
	case 3, 4, 7:
		return classPC
	case 1, 2:
		return classMobile
	case 8, 9:
		return classPad
	}
	return class(platform)
}

// displaced reports whether a login on one platform ends one on another.
func displaced(policy, old, new int) bool {
	switch policy {
	case policySamePlatform:
		return old == new
	case policySameClass:
		return classOf(old) == classOf(new)
	case policyPCAndOther:
		return classOf(new) != classPC && classOf(old) != classPC
	}
	return false
}
