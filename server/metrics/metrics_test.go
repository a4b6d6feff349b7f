package metrics

import (
	"net/http/httptest"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	var r Registry
	c := r.Counter("logins_total", "Logins.", "result")
	r.Counter("fences_total", "Fences.", "")
	r.Gauge("up", "Is up.", func() float64 { return 1 })
	r.Gauges("active", "Active accounts.", "app", func() map[string]float64 { return map[string]float64{`a"b\`: 2.5} })
	h := r.Histogram("seconds", "Time.", time.Millisecond, 4*time.Millisecond)
	c.Inc("ok")
	c.Inc("bad")
	c.Inc("ok")
	for _, d := range []time.Duration{time.Millisecond, 1500 * time.Microsecond, time.Second} {
		h.Observe(d)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, nil)
	want := `# HELP logins_total Logins.
# TYPE logins_total counter
logins_total{result="bad"} 1
logins_total{result="ok"} 2
# HELP fences_total Fences.
# TYPE fences_total counter
fences_total 0
# HELP up Is up.
# TYPE up gauge
up 1
# HELP active Active accounts.
# TYPE active gauge
active{app="a\"b\\"} 2.5
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{le="0.001"} 1
seconds_bucket{le="0.002"} 2
seconds_bucket{le="0.004"} 2
seconds_bucket{le="+Inf"} 3
seconds_sum 1.0025
seconds_count 3
`
	if got := w.Body.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
