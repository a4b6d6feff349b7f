// Package core is what one use of the library is made of: the data directory,
// the journal, the way out, the backend and the session. It knows no C type.
package core

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/datadir"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/hold"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/kick"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/msglog"
	"github.com/libnim/libnim/core/nimlink"
	"github.com/libnim/libnim/core/openim"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/core/push"
	"github.com/libnim/libnim/core/recent"
	"github.com/libnim/libnim/core/route"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/core/talk"
	"github.com/libnim/libnim/core/tools"
	"github.com/libnim/libnim/core/upload"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Options is what Open needs of the program.
type Options struct {
	Version  string // of this library
	DataDir  string // "": the default of this user
	Settings abi.InitOptions
	Proxy    proxy.Config
	Sink     session.Sink
	Tokens   session.TokenProvider
	Log      func(level journal.Level, line string) // for the log callback; must not wait
	Store    store.Opener                           // nil: messages are not kept, and cannot be sent
	DiskLow  func(free uint64)                      // the disk is nearly full: bytes that are left
}

// A Client is a session with everything it runs on, data directory, journal, way
// out, backend, and the modules on it.
type Client struct {
	*session.Session
	Hold     *hold.Module // of the account; who keeps something of it waits for this
	Kick     *kick.Module
	Push     *push.Module
	Upload   *upload.Module
	Engine   *engine.Engine // of messages; the three below are on it
	Talk     *talk.Module
	Recent   *recent.Module
	Msglog   *msglog.Module
	version  string
	settings abi.InitOptions
	dataDir  string
	dir      *datadir.Dir
	journal  *journal.Journal
	dialer   atomic.Pointer[dial.Dialer]
	backend  backend.Backend
	target   string // host:port of a server, for proxy detection; "": none known
	closing  sync.Once
	ended    chan struct{} // closed by Close
	slow     *slowWatch
	shut     atomic.Bool // Close does not wait any more
}

// Open starts a client that is logged out.
func Open(o Options) (*Client, *nimerr.Error) {
	path, bad := datadir.Resolve(o.DataDir)
	if bad != nil {
		return nil, bad
	}
	if bad := route.LoadServerConf(&o.Settings, route.ProgramDirs()...); bad != nil {
		return nil, bad
	}
	c := &Client{version: o.Version, settings: o.Settings, dataDir: path, ended: make(chan struct{})}
	fixed, bad := route.Links(&o.Settings)
	if bad != nil {
		return nil, bad
	}
	trust := dial.TLS{CAFile: o.Settings.Nimx.CaFile, Pins: o.Settings.Nimx.SpkiPins}
	if err := trust.Check(); err != nil {
		return nil, nimerr.From(err, nimerr.InvalidArgument)
	}
	if c.dir, bad = datadir.Open(path); bad != nil {
		return nil, bad
	}
	device, unkept := c.dir.DeviceID(o.Settings.Nimx.DeviceId)
	if device == "" {
		c.dir.Close()
		return nil, nimerr.From(unkept, nimerr.DataDirUnusable)
	}
	c.journal = journal.New(journal.Options{
		Level: journal.Level(o.Settings.GlobalConfig.SdkLogLevel), Dir: c.dir.LogDir(), Callback: o.Log,
	})
	c.SetProxy(o.Proxy)
	routes, bad := c.routes(fixed, o.Version)
	if bad == nil && o.Proxy.Type == proxy.None && o.Settings.Nimx.UseEnvProxy {
		bad = c.proxyFromEnv(routes)
	}
	if bad != nil {
		c.journal.Close()
		c.dir.Close()
		return nil, bad
	}
	c.journal.Add(journal.App, "init", journal.Str("version", o.Version), journal.Str("backend", c.backend.Name()))
	unknownKeys(c.journal, "json_extension", o.Settings.Unknown)
	if unkept != nil {
		c.journal.Add(journal.Warn, "device_id_not_stored", journal.Err(unkept))
	}
	if !c.dir.Locked() {
		c.journal.Add(journal.Warn, "data_dir_not_locked", journal.Str("path", path))
	}
	config := newConfig(&o.Settings, device)
	config.Version, config.Instance = o.Version, tools.ID()
	config.Backend, config.Server = c.backend.Name(), deployment(&o.Settings)
	tokens := o.Tokens
	if tokens != nil {
		tokens = fencedTokens{tokens, &c.shut}
	}
	c.slow = &slowWatch{journal: c.journal, fate: o.Sink.Fate}
	c.Hold = &hold.Module{Dir: c.dir.AccountDir, Journal: c.journal}
	c.Kick, c.Push, c.Upload = &kick.Module{}, &push.Module{}, &upload.Module{Journal: c.journal}
	c.messages(&o)
	c.Session = session.New(session.Env{
		Modules: []module.Module{c.Hold, c.Kick, c.Push, c.Upload, c.Engine},
		Config:  config, Router: routes, Backend: c.backend.Capabilities(),
		Sink: fencedSink{o.Sink, &c.shut, c.slow}, Tokens: tokens, Journal: c.journal,
		Wall: time.Now, Rand: mathrand.Float64, NewID: tools.ID,
	})
	if o.DiskLow != nil {
		c.Background(func(context.Context) { c.watchDisk(o.DiskLow) })
	}
	return c, nil
}

// unknownKeys writes down the keys of an argument that nobody takes: they may be
// another SDK's, or misspelt.
func unknownKeys(j *journal.Journal, argument string, keys []string) {
	for _, k := range keys {
		j.Add(journal.Pro, "unknown_key", journal.Str("argument", argument), journal.Str("key", k))
	}
}

// Same reports whether the settings are those the client was opened with.
func (c *Client) Same(dataDir string, settings *abi.InitOptions) bool {
	path, bad := datadir.Resolve(dataDir)
	if bad != nil || path != c.dataDir {
		return false
	}
	s := *settings
	bad = route.LoadServerConf(&s, route.ProgramDirs()...)
	s.Unknown = c.settings.Unknown // whatever they are, they set nothing
	return bad == nil && reflect.DeepEqual(s, c.settings)
}

// Close stops the session and waits for it, at most for limit, then releases
// the data directory. Afterwards no event comes and nothing is published. It
// may be called again.
func (c *Client) Close(limit time.Duration) {
	c.closing.Do(func() { c.close(limit) })
}

func (c *Client) close(limit time.Duration) {
	c.Stop()
	close(c.ended)
	t := time.NewTimer(limit)
	defer t.Stop()
	wait := func(ended <-chan struct{}) {
		select {
		case <-ended:
		case <-t.C:
			t.Reset(0) // what is left gets no time
		}
	}
	wait(c.Done())
	c.Engine.Stop()
	wait(c.Engine.Done())
	c.shut.Store(true)
	c.journal.Add(journal.App, "cleanup")
	c.journal.Close()
	c.dir.Close()
}

// SetProxy sets the proxy for every connection from now on.
func (c *Client) SetProxy(p proxy.Config) {
	n := &c.settings.Nimx
	c.journal.Secret(p.Password)
	c.dialer.Store(&dial.Dialer{
		Proxy: p, IPVersion: ipVersion(c.settings.PrivateServerSetting.IpProtocolVersion),
		TLS: dial.TLS{CAFile: n.CaFile, Pins: n.SpkiPins},
	})
}

// ipVersion turns ip_protocol_version, as programs of the NIM SDK count it (0
// IPv4, 1 IPv6, 2 any), into the dialer's. Most send 0 without meaning to shut
// IPv6 out.
func ipVersion(v int) int {
	if v == 1 {
		return 2
	}
	return 0
}

// proxyFromEnv takes the proxy from the environment, as it is for the first
// server.
func (c *Client) proxyFromEnv(r *route.Routes) *nimerr.Error {
	server := c.settings.PrivateServerSetting.Lbs
	if len(r.Fixed) > 0 {
		server = r.Fixed[0]
	}
	p, bad := route.EnvProxy(server, os.Getenv)
	if bad == nil && p.Type != proxy.None {
		c.SetProxy(p)
	}
	return bad
}

// DetectProxy connects to a server through a proxy; nil means that it works.
func (c *Client) DetectProxy(ctx context.Context, p proxy.Config) error {
	if c.target == "" {
		return nimerr.InvalidArgument.New("no server address is configured to connect to")
	}
	return dial.DetectProxy(ctx, p, c.target, c.dialer.Load())
}

// CacheInfo counts the cached files of an account.
func (c *Client) CacheInfo(account, fileType string, untilMS int64) (datadir.Files, *nimerr.Error) {
	return c.dir.CacheInfo(account, fileType, fromMilli(untilMS))
}

// CacheDelete deletes the cached files of an account.
func (c *Client) CacheDelete(account, fileType string, untilMS int64) *nimerr.Error {
	return c.dir.CacheDelete(account, fileType, fromMilli(untilMS))
}

// AccountDir returns the directory of an account, which exists, or of all of
// them for "". "": there is none.
func (c *Client) AccountDir(account string) string { return c.dir.AccountDir(account) }

// FileDir returns the directory of one kind of an account's files, which may not
// exist. "": there is none.
func (c *Client) FileDir(account, fileType string) string { return c.dir.FileDir(account, fileType) }

// Capabilities says what the backend can do.
func (c *Client) Capabilities() (name string, caps backend.Capabilities) {
	return c.backend.Name(), c.backend.Capabilities()
}

// routes builds the backend that the settings name, and the way to it.
func (c *Client) routes(fixed []string, version string) (*route.Routes, *nimerr.Error) {
	p := &c.settings.PrivateServerSetting
	switch p.Backend {
	case "", "nim":
	case "openim":
		return c.openIM(version)
	default:
		return nil, nimerr.InvalidArgument.Newf("private_server_setting.backend: want \"nim\" or \"openim\", got %q", nimerr.Clip(p.Backend, 40))
	}
	c.backend = &nimlink.Backend{Dialer: c.dialer.Load, SDK: "libnim/" + version}
	r := &route.Routes{Backend: c.backend, Fixed: fixed}
	if p.Lbs != "" {
		urls := append([]string{p.Lbs}, p.LbsBackup...)
		if bad := route.CheckLBS(urls); bad != nil {
			return nil, bad
		}
		r.Discover = &route.Discovery{
			URLs: urls, AppKey: c.settings.AppKey,
			Get: func(ctx context.Context, u string, max int64) ([]byte, error) {
				return c.dialer.Load().Get(ctx, u, max)
			},
			Link: c.discovered,
			Wall: time.Now,
			Load: func(name string) []byte { data, _ := c.dir.ReadCache(name); return data },
			Store: func(name string, data []byte) { // a login does not wait for the disk
				c.Background(func(context.Context) {
					if err := c.dir.WriteCache(name, data); err != nil {
						c.journal.Add(journal.Warn, "cache_not_written", journal.Str("name", name), journal.Err(err))
					}
				})
			},
		}
	}
	if r.Discover == nil && len(fixed) == 0 && p.WsAddr != "" {
		return nil, nimerr.InvalidArgument.Newf("private_server_setting.backend: want \"openim\" beside ws_addr, got %q", p.Backend)
	}
	if r.Discover == nil && len(fixed) == 0 {
		return nil, nimerr.InvalidArgument.New("private_server_setting: want link or lbs, here or in a nim_server.conf beside the program: this library has no server of its own")
	}
	c.target = route.HostPort(append(fixed, p.Lbs))
	return r, nil
}

// discovered turns a link that an LBS told into a URL. Where the settings demand
// TLS, an answer that came in the clear cannot take it away.
func (c *Client) discovered(address string) (string, *nimerr.Error) {
	demanded := route.Secure(&c.settings)
	link, bad := route.LinkURL(address, demanded)
	if bad == nil && demanded != nil && *demanded && strings.HasPrefix(link, "ws://") {
		return "", nimerr.TLSFailed.New("the LBS told a link without TLS")
	}
	return link, bad
}

// openIM builds the routes to an OpenIM deployment: one address, which its
// operator balances.
func (c *Client) openIM(version string) (*route.Routes, *nimerr.Error) {
	p := &c.settings.PrivateServerSetting
	gateway, bad := openim.GatewayURL(p.WsAddr)
	if bad != nil {
		return nil, nimerr.InvalidArgument.New("private_server_setting." + bad.Detail)
	}
	api, bad := openim.APIURL(p.ApiAddr)
	if bad != nil {
		return nil, nimerr.InvalidArgument.New("private_server_setting." + bad.Detail)
	}
	if p.PlatformId < 0 || p.PlatformId > openim.MaxPlatform {
		return nil, nimerr.InvalidArgument.Newf("private_server_setting.platform_id: want 1 to %d, or 0 for this operating system, got %d", openim.MaxPlatform, p.PlatformId)
	}
	if p.Compression != "" && p.Compression != "gzip" {
		return nil, nimerr.InvalidArgument.Newf("private_server_setting.compression: want \"gzip\" or nothing, got %q", nimerr.Clip(p.Compression, 40))
	}
	c.journal.Secret(p.AdminToken)
	c.backend = &openim.Backend{
		Dialer: c.dialer.Load, APIAddr: api, PlatformID: p.PlatformId, Gzip: p.Compression == "gzip",
		AdminToken: p.AdminToken, SDK: "libnim/" + version, Journal: c.journal,
	}
	c.target = route.HostPort([]string{gateway})
	return &route.Routes{Backend: c.backend, Fixed: []string{gateway}}, nil
}

// deployment is which servers the settings name, as they have it: what is kept of
// an account belongs to one of them.
func deployment(o *abi.InitOptions) string {
	p := &o.PrivateServerSetting
	for _, s := range append([]string{p.Lbs, p.WsAddr}, append(p.Link, p.LinkIpv6...)...) {
		if s != "" {
			return s
		}
	}
	return ""
}

// watchDisk tells when the disk of the data directory becomes nearly full.
func (c *Client) watchDisk(tell func(free uint64)) {
	every := time.NewTicker(time.Minute)
	defer every.Stop()
	for {
		if free, low := c.dir.SpaceNotice(); low {
			c.journal.Add(journal.Warn, "disk_low", journal.Int("free_bytes", int64(free)))
			tell(free)
		}
		select {
		case <-every.C:
		case <-c.ended:
			return
		}
	}
}

func fromMilli(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// Background runs f on a goroutine whose context ends with the client.
func (c *Client) Background(f func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := make(chan struct{})
	go func() {
		select {
		case <-c.ended:
		case <-stop:
		}
		cancel()
	}()
	go func() {
		defer close(stop)
		defer func() {
			if p := recover(); p != nil {
				c.Panicked("background", fmt.Sprint(p), string(debug.Stack()))
			}
		}()
		f(ctx)
	}()
}

// Panicked writes down a panic that was kept from the host.
func (c *Client) Panicked(where, value, stack string) {
	c.journal.Add(journal.Error, "panic", journal.Str("where", where), journal.Str("value", value), journal.Str("stack", stack))
}

// Refused writes down that a function was called wrongly, where nobody else is
// told.
func (c *Client) Refused(function string, err *nimerr.Error) {
	c.journal.Add(journal.Warn, "call_refused", journal.Str("call", function), journal.Err(err))
}

// Lost writes down how many answers the cleanup of the client before this one
// had to drop: a callback of the application did not end in time.
func (c *Client) Lost(answers uint64) {
	c.journal.Add(journal.Warn, "answers_lost", journal.Int("answers", int64(answers)))
}

// Describe says what this library and its present backend can do.
func (c *Client) Describe() *abi.Capabilities {
	return &abi.Capabilities{
		Version: c.version, AbiLevel: abi.Level, Backend: c.backend.Name(), Backends: abi.Backends,
		BackendFeatures: c.features(), Modules: abi.Modules,
	}
}

// features are those of the backend, and what the server said last that it has
// besides.
func (c *Client) features() []string {
	out := backendFeatures(c.backend.Capabilities())
	if server := c.Server(); server != nil {
		out = append(out, server.Features...)
	}
	return out
}

func backendFeatures(b backend.Capabilities) []string {
	var out []string
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"kick_other", b.KickOther}, {"presence", b.Presence}, {"renew_token", b.RenewToken},
		{"push_config", b.PushConfig}, {"server_time", b.ServerTime}, {"upload_log", b.UploadLog},
		{"profile", b.Profile}, {"kick_details", b.KickDetails}, {"token_expiry", b.TokenExpiry},
		{"refuse_device", b.RefuseDevice},
	} {
		if f.has {
			out = append(out, f.name)
		}
	}
	return out
}
