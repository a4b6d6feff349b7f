package accounts

import "strconv"

// Named returns the app that a client means: the one with that key, or, where
// none has it, the only one with that number, by which programs of Tencent's SDK
// know their app.
func (a *Apps) Named(name string) (*App, bool) {
	if app, ok := a.Get(name); ok {
		return app, true
	}
	n, err := strconv.ParseInt(name, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != name {
		return nil, false
	}
	var found *App
	for _, app := range a.live() {
		if app.SDKAppID == n {
			if found != nil {
				return nil, false
			}
			found = app
		}
	}
	return found, found != nil
}
