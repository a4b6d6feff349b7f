package cabi

import (
	"context"
	"time"

	"github.com/libnim/libnim/core"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/abi"
)

// The functions of global.

func (calls) globalSetProxy(_ call, kind int, host string, port int, user, password string) {
	p := proxy.Config{Type: proxy.Type(kind), Host: host, Port: port, User: user, Password: password}
	if p.Type == proxy.None {
		p = proxy.Config{}
	}
	outlet.Store(&p)
	with(func(k *core.Client) { k.SetProxy(p) })
}

const (
	detectLimit    = 10 * time.Second // bounds nim_global_detect_proxy
	detectComplete = 5                // the only step that it reports
)

func (calls) globalDetectProxy(c call, kind int, host string, port int, user, password string) {
	p := proxy.Config{Type: proxy.Type(kind), Host: host, Port: port, User: user, Password: password}
	id := c.id() // c does not live as long as the test
	with(func(k *core.Client) {
		behind(k, id, func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, detectLimit)
			defer cancel()
			start := time.Now()
			err := k.DetectProxy(ctx, p)
			r := abi.ProxyDetectResult{ErrorInfo: abi.ErrorInfoOf(err), ElapsedMs: time.Since(start).Milliseconds()}
			sink{}.Answer(id, abi.AnswerGlobalDetectProxy(err == nil, detectComplete, &r), true)
		})
	})
}

func (calls) globalGetSdkCacheFileInfoAsync(c call, account, fileType string, until int64, _ string) {
	id := c.id()
	with(func(k *core.Client) {
		behind(k, id, func(context.Context) {
			f, err := k.CacheInfo(account, fileType, until)
			r := abi.CacheFileInfo{FileType: fileType, FilePath: f.Path, FileCount: f.Count, TotalSize: f.Bytes}
			if err != nil {
				r.ErrCode = int(err.Kind.Code)
			}
			sink{}.Answer(id, abi.AnswerSdkGetCacheFileInfo(&r), true)
		})
	})
}

func (calls) globalDelSdkCacheFileAsync(c call, account, fileType string, until int64, _ string) {
	id := c.id()
	with(func(k *core.Client) {
		behind(k, id, func(context.Context) {
			err := k.CacheDelete(account, fileType, until)
			sink{}.Answer(id, abi.AnswerSdkDelCacheFile(module.Code(err)), true)
		})
	})
}

func (calls) globalUploadSdkLog(c call, feedback string) {
	with(func(k *core.Client) { k.Upload.Log(c.id(), feedback) })
}

func (calls) globalSdkFeedbackAsync(c call, url, _ string) {
	with(func(k *core.Client) { k.Upload.Remark(c.id(), url) })
}
