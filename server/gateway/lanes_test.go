package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestLanesKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lanes
		var mu sync.Mutex
		got := map[string][]int{}
		stop := make(chan struct{})
		for i := range 40 {
			name := []string{"a", "b"}[i%2]
			if !l.submit(name, 1, job{size: 1, run: func() {
				if name == "a" {
					<-stop // b goes on
				}
				mu.Lock()
				defer mu.Unlock()
				got[name] = append(got[name], i)
			}}) {
				t.Fatalf("job %d was refused", i)
			}
		}
		synctest.Wait()
		if len(got["a"]) != 0 || len(got["b"]) != 20 || !slices.IsSorted(got["b"]) {
			t.Errorf("while a waits: a %v, b %v", got["a"], got["b"])
		}
		close(stop)
		synctest.Wait()
		if len(got["a"]) != 20 || !slices.IsSorted(got["a"]) {
			t.Errorf("a ran %v", got["a"])
		}
		if len(l.open) != 0 || l.jobs != 0 || l.bytes != 0 {
			t.Errorf("left: %d lanes, %d jobs, %d bytes", len(l.open), l.jobs, l.bytes)
		}
	})
}

func TestLanesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lanes
		var running, most, ran atomic.Int32
		stop := make(chan struct{})
		run := func() {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-stop
			running.Add(-1)
			ran.Add(1)
		}
		taken := 0
		for l.submit("free", freeRequests, job{size: 1, run: run}) {
			taken++
		}
		if taken != waitingRequests {
			t.Errorf("%d jobs wait, want %d", taken, waitingRequests)
		}
		synctest.Wait()
		if most.Load() != freeRequests {
			t.Errorf("%d ran side by side, want %d", most.Load(), freeRequests)
		}
		go close(stop)
		l.close() // drops what waits
		if ran.Load() >= waitingRequests || running.Load() != 0 {
			t.Errorf("%d ran, %d still run", ran.Load(), running.Load())
		}
		if l.submit("free", 1, job{size: 1, run: run}) {
			t.Error("a job was taken after the end")
		}
		var big lanes
		if !big.submit("", 1, job{size: waitingBytes + 1, run: func() {}}) {
			t.Error("one job may be of any size")
		}
		big.close()
	})
}
