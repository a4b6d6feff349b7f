package presence

import "time"

var processStart = time.Now()
