package bus

import (
	"context"

	"github.com/nats-io/nats.go"
)

// Message is what another edge sent to a subject.
type Message struct {
	Data []byte
	msg  *nats.Msg
}

// Wanted reports whether the sender waits for an acknowledgement.
func (m Message) Wanted() bool { return m.msg != nil && m.msg.Reply != "" }

// Acknowledge ends the sender's Request.
func (m Message) Acknowledge() error { return m.msg.Respond(nil) }

// Subscription is an interest in a subject.
type Subscription struct{ sub *nats.Subscription }

// End gives the interest up.
func (s *Subscription) End() { _ = s.sub.Unsubscribe() }

// Subscribe calls hear for each message to a subject, in order, on a goroutine
// of the subscription.
func (b *Bus) Subscribe(subject string, hear func(Message)) (*Subscription, error) {
	sub, err := b.Conn.Subscribe(subject, func(m *nats.Msg) { hear(Message{m.Data, m}) })
	if err != nil {
		return nil, err
	}
	// What waits is bounded by what it is worth, not by a number of messages: a
	// subject of an edge carries what all its sessions are told.
	if err := sub.SetPendingLimits(-1, pendingBytes); err != nil {
		return nil, err
	}
	return &Subscription{sub}, nil
}

// pendingBytes is what may wait for the hearer of one subject.
const pendingBytes = 256 << 20

// Flush returns when the engine has seen all that this bus sent, subscriptions
// included. Other servers of a cluster may hear of those later.
func (b *Bus) Flush(ctx context.Context) error { return b.Conn.FlushWithContext(ctx) }

// Publish sends to whoever is subscribed. It does not wait, and nobody knows
// whether it arrives.
func (b *Bus) Publish(subject string, data []byte) error { return b.Conn.Publish(subject, data) }

// Request sends, and returns when a subscriber has acknowledged.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) error {
	_, err := b.Conn.RequestWithContext(ctx, subject, data)
	return err
}
