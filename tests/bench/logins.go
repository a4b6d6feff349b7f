package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Logins and the dials that they are compared with take turns, round by round:
// a machine drifts, and both are to drift with it. In each round so many come
// in a row, and so many each after a rest of both sides, as a user's login does.
const (
	rounds   = 10
	perRound = 50
	rest     = 3 * time.Millisecond // REST_US in c/bench.c
)

// samples are what was measured in all rounds.
type samples struct{ InARow, Rested []time.Duration }

func (s *samples) add(t samples) {
	s.InARow = append(s.InARow, t.InARow...)
	s.Rested = append(s.Rested, t.Rested...)
}

// quantile returns the time that a part q of the list stays below.
func quantile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(list))[int(q*float64(len(list)-1))]
}

func median(list []time.Duration) time.Duration { return quantile(list, 0.5) }

// round times the dials of one round.
func round(dial func() (*websocket.Conn, error)) (s samples, err error) {
	if s.InARow, err = timed(dial, 0); err == nil {
		s.Rested, err = timed(dial, rest)
	}
	return s, err
}

func timed(dial func() (*websocket.Conn, error), rest time.Duration) ([]time.Duration, error) {
	var took []time.Duration
	for range perRound {
		if rest > 0 {
			time.Sleep(rest)
		}
		began := time.Now()
		c, err := dial()
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		hangUp(c)
	}
	return took, nil
}

// hangUp ends a connection as a logout does: both sides are through with it when
// the next one begins.
func hangUp(c *websocket.Conn) {
	farewell := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = c.WriteControl(websocket.CloseMessage, farewell, time.Now().Add(time.Second))
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			_ = c.Close()
			return
		}
	}
}

// A loginReport is what all rounds of logins to one server came to.
type loginReport struct {
	samples
	init   []time.Duration
	logout []time.Duration
	parts  map[string][]time.Duration // of a login, as diagnostics tells them
	last   *figures
}

// round has the C program log in.
func (r *loginReport) round(c client) error {
	f, err := c.run("logins", strconv.Itoa(perRound))
	if err != nil {
		return err
	}
	r.add(samples{f.durations("login"), f.durations("login_rested")})
	r.init = append(r.init, f.durations("init")...)
	r.logout = append(r.logout, f.durations("logout")...)
	if r.parts == nil {
		r.parts = map[string][]time.Duration{}
	}
	for _, attempt := range f.diagnostics.Attempts {
		for key, v := range attempt {
			if name, isTime := strings.CutSuffix(key, "_us"); isTime {
				us, _ := v.(float64)
				r.parts[name] = append(r.parts[name], time.Duration(us)*time.Microsecond)
			}
		}
	}
	r.last = f
	return nil
}

// printFloor and print give medians: of what came in a row, and of what came
// after a rest.
func printFloor(name string, s samples) {
	fmt.Printf("  %-44s %v in a row, %v after a rest\n", name, median(s.InARow), median(s.Rested))
}

func (r *loginReport) print(name string, bare samples) {
	inARow, rested := median(r.InARow), median(r.Rested)
	fmt.Printf("  %-44s %v in a row, %v after a rest: %.1f and %.1f times the bare dial\n", name, inARow, rested,
		float64(inARow)/float64(median(bare.InARow)), float64(rested)/float64(median(bare.Rested)))
}

func (r *loginReport) printParts() {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.parts)) {
		if m := median(r.parts[name]); m > 0 {
			parts = append(parts, fmt.Sprintf("%s %v", name, m))
		}
	}
	fmt.Printf("  %-44s %s\n", "where the time went, in a row, medians", strings.Join(parts, ", "))
}

// nimdLogins measures logins to nimd.
func nimdLogins(c client) error {
	bare, err := startBare()
	if err != nil {
		return err
	}
	defer bare.close()
	var inside, across samples
	var logins loginReport
	for range rounds {
		a, err := bareDials(bare.inside)
		if err != nil {
			return err
		}
		inside.add(a)
		b, err := bareDials(bare.across)
		if err != nil {
			return err
		}
		across.add(b)
		if err := logins.round(c); err != nil {
			return err
		}
	}
	fmt.Println("login, from nim_client_login to the callback of step 3, loopback")
	printFloor("bare gorilla dial + echo, one process", inside)
	printFloor("bare gorilla dial + echo, two processes", across)
	logins.print("libnim and nimd, to dials in one process", inside)
	logins.print("libnim and nimd, to dials in two", across)
	logins.printParts()
	row("libnim and nimd, p99, in a row", quantile(logins.InARow, 0.99))
	row("logout, median", median(logins.logout))
	fmt.Println("a client that is logged in")
	fmt.Printf("  %-44s %d KiB loaded, %d KiB logged in, %d KiB after %d logins\n", "resident memory",
		logins.last.value("rss_kib_loaded"), logins.last.value("rss_kib_login"), logins.last.value("rss_kib_end"), 2*perRound+1)
	fmt.Printf("  %-44s %d\n", "threads", logins.last.value("threads_login"))
	row("nim_client_init, median", median(logins.init))
	return nil
}
