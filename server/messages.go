package server

import (
	"context"
	"fmt"

	"github.com/libnim/libnim/server/deliver"
	"github.com/libnim/libnim/server/talk"
)

// startMessages makes the gateway run the requests about messages.
func (s *Server) startMessages(ctx context.Context) (err error) {
	s.deliver, err = deliver.New(ctx, deliver.Config{
		Bus: s.bus, Gateway: s.gateway, Presence: s.people, Lose: s.cfg.Lose, Metrics: &s.metrics, Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	s.talk = talk.New(talk.Config{
		Store: s.db, Publish: s.deliver, Limits: s.cfg.Messages, Metrics: &s.metrics, Log: s.log,
	})
	s.talk.Register(s.gateway)
	return nil
}
