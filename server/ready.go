package server

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"

	"github.com/libnim/libnim/internal/wire"
)

// Ready is the line that nimd prints once it takes clients. The secrets are
// there with --dev, and at the start that made them.
type Ready struct {
	Ready     bool   `json:"ready"`
	Link      string `json:"link"`
	LBS       string `json:"lbs"`
	Admin     string `json:"admin"`
	AdminKey  string `json:"admin_key,omitempty"`
	AppKey    string `json:"app_key,omitempty"`
	AppSecret string `json:"app_secret,omitempty"`
	Apps      int    `json:"apps,omitempty"` // how many there are, where there are several: the one named was made first
}

// Ready describes the running server.
func (s *Server) Ready() Ready {
	tls := ""
	if s.certs != nil {
		tls = "s"
	}
	public, private := dialable(s.public.listener.Addr()), dialable(s.private.listener.Addr())
	r := Ready{
		Ready: true, Link: "ws" + tls + "://" + public + "/nim",
		LBS: "http" + tls + "://" + public + "/lbs", Admin: "http" + tls + "://" + private + "/v1",
	}
	if s.cfg.Dev || s.firstRun {
		r.AdminKey = s.adminKey
		if app := s.apps.First(); app != nil {
			r.AppKey, r.AppSecret = app.Key, app.Secret
			if n := len(s.apps.All()); n > 1 {
				r.Apps = n
			}
		}
	}
	return r
}

// dialable turns a listener's address into one that can be connected to.
func dialable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// lbsTTL is how long a client may keep the answer of /lbs, in seconds.
const lbsTTL = 600

// lbs answers where the edges are: the configured links, or the address at
// which it was asked.
func (s *Server) lbs(w http.ResponseWriter, r *http.Request) {
	out := wire.LBS{Link: []string{}, LinkIPv6: []string{}, TTLS: lbsTTL}
	links := s.cfg.PublicLinks
	if len(links) == 0 {
		scheme := "ws://"
		if s.certs != nil {
			scheme = "wss://"
		}
		links = []string{scheme + r.Host + "/nim"}
	}
	for _, l := range links {
		if strings.Contains(l, "[") { // an address literal: only IPv6 ones have brackets
			out.LinkIPv6 = append(out.LinkIPv6, l)
		} else {
			out.Link = append(out.Link, l)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}
