// Package metrics counts, and writes the counts in the Prometheus text format.
// It has the three things that nimd needs and no dependency.
package metrics

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Registry holds metrics in the order in which they were made.
type Registry struct {
	mu  sync.Mutex
	all []metric
}

type metric interface{ write(w io.Writer) }

func (r *Registry) add(m metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, m)
}

// ServeHTTP writes all metrics.
func (r *Registry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	r.mu.Lock()
	all := slices.Clone(r.all)
	r.mu.Unlock()
	for _, m := range all {
		m.write(w)
	}
}

type head struct{ name, help, kind string }

func (h head) write(w io.Writer) {
	_, _ = fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", h.name, h.help, h.name, h.kind)
}

// Counter counts up, once for each value of its label.
type Counter struct {
	head
	label string

	mu     sync.RWMutex
	counts map[string]*atomic.Uint64
}

// Counter makes a counter. label may be empty; its value is then always "".
func (r *Registry) Counter(name, help, label string) *Counter {
	c := &Counter{head: head{name, help, "counter"}, label: label, counts: map[string]*atomic.Uint64{}}
	if label == "" { // an alert on its first increase needs the 0 before
		c.counts[""] = &atomic.Uint64{}
	}
	r.add(c)
	return c
}

// Inc adds one to the count of a label value. Values must come from a small set.
func (c *Counter) Inc(value string) {
	c.mu.RLock()
	n := c.counts[value]
	c.mu.RUnlock()
	if n == nil {
		c.mu.Lock()
		if n = c.counts[value]; n == nil {
			n = &atomic.Uint64{}
			c.counts[value] = n
		}
		c.mu.Unlock()
	}
	n.Add(1)
}

func (c *Counter) write(w io.Writer) {
	c.head.write(w)
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, v := range slices.Sorted(maps.Keys(c.counts)) {
		_, _ = fmt.Fprintf(w, "%s%s %d\n", c.name, labels(c.label, v), c.counts[v].Load())
	}
}

// gauge is read when it is written.
type gauge struct {
	head
	label string
	read  func() map[string]float64
}

// Gauge makes a metric whose value is what read returns.
func (r *Registry) Gauge(name, help string, read func() float64) {
	r.add(&gauge{head{name, help, "gauge"}, "", func() map[string]float64 { return map[string]float64{"": read()} }})
}

// Gauges is Gauge with a value for each label value.
func (r *Registry) Gauges(name, help, label string, read func() map[string]float64) {
	r.add(&gauge{head{name, help, "gauge"}, label, read})
}

func (g *gauge) write(w io.Writer) {
	g.head.write(w)
	values := g.read()
	for _, v := range slices.Sorted(maps.Keys(values)) {
		_, _ = fmt.Fprintf(w, "%s%s %s\n", g.name, labels(g.label, v), number(values[v]))
	}
}

// Histogram counts durations in buckets.
type Histogram struct {
	head
	bounds []float64 // seconds, ascending; the last is +Inf

	mu     sync.Mutex
	counts []uint64
	sum    float64
	total  uint64
}

// Histogram makes a histogram with buckets that double from first to last.
func (r *Registry) Histogram(name, help string, first, last time.Duration) *Histogram {
	h := &Histogram{head: head{name, help, "histogram"}}
	for b := first; b < last; b *= 2 {
		h.bounds = append(h.bounds, b.Seconds())
	}
	h.bounds = append(h.bounds, last.Seconds(), math.Inf(1))
	h.counts = make([]uint64, len(h.bounds))
	r.add(h)
	return h
}

// Observe counts a duration.
func (h *Histogram) Observe(d time.Duration) {
	s := d.Seconds()
	i, _ := slices.BinarySearch(h.bounds, s)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[i]++
	h.sum += s
	h.total++
}

func (h *Histogram) write(w io.Writer) {
	h.head.write(w)
	h.mu.Lock()
	defer h.mu.Unlock()
	var below uint64
	for i, b := range h.bounds {
		below += h.counts[i]
		_, _ = fmt.Fprintf(w, "%s_bucket%s %d\n", h.name, labels("le", number(b)), below)
	}
	_, _ = fmt.Fprintf(w, "%s_sum %s\n%s_count %d\n", h.name, number(h.sum), h.name, h.total)
}

func labels(name, value string) string {
	if name == "" {
		return ""
	}
	return "{" + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"}`
}

func number(f float64) string {
	if math.IsInf(f, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
