package sqlite

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/store"
)

var size = flag.Int("messages", 500_000, "messages in the store that BenchmarkStart opens")

const benchConversations = 2000

// The characters and words of the texts; those in front are frequent.
var (
	characters = []rune("的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运")
	latin      = strings.Fields("the of and to in is you that it he was for on are with as his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know meeting report server deploy release invoice contract")
	common     = []string{"北京", "会议", "合同", "明天", "项目", "报告", "你好", "发布", "服务器"}
)

func frequent(r *rand.Rand, n int) int { return int(float64(n) * r.Float64() * r.Float64()) }

// sentence is a text as people write them: most are Chinese.
func sentence(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(10) < 3 {
		for range 1 + int(r.ExpFloat64()*9) {
			b.WriteString(latin[frequent(r, len(latin))])
			b.WriteByte(' ')
		}
		return b.String()
	}
	for range min(400, 3+int(r.ExpFloat64()*14)) {
		b.WriteRune(characters[frequent(r, len(characters))])
		switch r.IntN(40) {
		case 0, 1:
			b.WriteString(common[r.IntN(len(common))])
		case 2, 3, 4:
			b.WriteString("，")
		}
	}
	return b.String()
}

// benchFile fills a store as the years do and says how fast.
func benchFile(b *testing.B, key string) string {
	path := filepath.Join(tempDir(b), "s.db")
	s := mustOpen(b, store.Options{Path: path, Key: key, Self: self})
	r := rand.New(rand.NewPCG(1, 1))
	last := make([]store.Conversation, benchConversations)
	begin := time.Now()
	for n := 0; n < *size; {
		update(b, s, func(tx store.Tx) error {
			touched := map[int]bool{}
			for range min(1000, *size-n) {
				f := r.Float64()
				i := int(benchConversations * f * f * f) // of very different lengths
				c := &last[i]
				if c.Name == "" {
					c.Name, c.Flags = fmt.Sprint("p:user", i), store.FlagListed
					if err := tx.PutConversation(c); err != nil {
						return err
					}
				}
				n++
				c.MaxSeq++
				m := store.Message{Key: store.Key{Conversation: c.Name, Sender: c.Name[2:], ClientID: fmt.Sprintf("%032x", n)},
					Seq: c.MaxSeq, ServerID: int64(n), Time: 1700000000000 + int64(n)*2000, Status: store.StatusRead, Text: sentence(r),
					Content: []byte(`{"from_client_type":4,"from_device_id":"0123456789abcdef","from_nick":"Somebody"}`)}
				if n == *size/3 {
					m.Text = "一个罕词 zyxwvut"
				}
				if _, err := tx.PutMessage(&m); err != nil {
					return err
				}
				c.LastRow, c.LastTime = m.Row, m.Time
				touched[i] = true
			}
			for i := range touched {
				if err := tx.PutConversation(&last[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	rate := float64(*size) / time.Since(begin).Seconds()
	_ = s.Close()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d messages, %d conversations: %.0f a second, file of %.1f MB", *size, benchConversations, rate, float64(info.Size())/1e6)
	return path
}

// BenchmarkStart measures what a program waits for when it starts with a store
// that has been filled for years.
func BenchmarkStart(b *testing.B) {
	for _, key := range []string{"", "a key"} {
		b.Run(map[bool]string{true: "open", false: "sealed"}[key == ""], func(b *testing.B) { benchStart(b, key) })
	}
}

func benchStart(b *testing.B, key string) {
	path := benchFile(b, key)
	b.Run("file", func(b *testing.B) {
		for b.Loop() {
			s, problem := Open(store.Options{Path: path, Key: key, Self: self})
			if problem != nil {
				b.Fatal(problem)
			}
			_ = s.Close()
		}
	})
	s := mustOpen(b, store.Options{Path: path, Key: key, Self: self})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if list := must[[]store.Conversation](b)(s.Conversations()); len(list) < benchConversations/2 || list[0].Last == nil {
				b.Fatal("no list")
			}
		}
	})
	b.Run("page", func(b *testing.B) {
		r := rand.New(rand.NewPCG(2, 1))
		for b.Loop() {
			name := fmt.Sprint("p:user", r.IntN(200))
			if page := must[[]store.Message](b)(s.Messages(store.Query{Conversation: name, Limit: 20})); len(page) < 20 && *size > 100000 {
				b.Fatal("no page")
			}
		}
	})
	for _, word := range []string{"会议", "罕词", "meeting", "zyxwv", "xwvu"} {
		b.Run("search "+word, func(b *testing.B) { benchSearch(b, s, store.Query{Text: word, Limit: 20}) })
	}
	b.Run("search 会议 in one", func(b *testing.B) {
		benchSearch(b, s, store.Query{Text: "会议", Conversation: "p:user1", Limit: 20})
	})
	b.Run("one message a transaction", func(b *testing.B) {
		r, n := rand.New(rand.NewPCG(3, 1)), *size
		for b.Loop() {
			n++
			m := message("p:user7", "user7", fmt.Sprintf("%032x", n), 0, 1800000000000+int64(n), sentence(r))
			put(b, s, m)
		}
	})
}

// benchSearch reports the longest as well: a search that reads all is one.
func benchSearch(b *testing.B, s store.Store, q store.Query) {
	var took []time.Duration
	incomplete := 0
	for b.Loop() {
		begin := time.Now()
		found := must[store.Found](b)(s.Search(b.Context(), q))
		took = append(took, time.Since(begin))
		if found.Incomplete {
			incomplete++
		}
	}
	b.ReportMetric(float64(slices.Max(took).Microseconds())/1000, "ms-max")
	b.ReportMetric(float64(incomplete)/float64(len(took)), "incomplete")
}
