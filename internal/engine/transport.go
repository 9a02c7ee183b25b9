package engine

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// newTransport keeps up to that many connections alive. It speaks HTTP/1.1, one request at a time on a connection, and
// uses no proxy: the environment is measured, not the way out of the office.
func newTransport(connections int) *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost: connections,
		Protocols:           protocols,
	}
}

// newClient sends requests until ctx ends, which cuts off those under way, and tells broken why one got no response.
// It follows no redirect: a 302 is a response as good as any.
func newClient(ctx context.Context, transport http.RoundTripper, timeout time.Duration, broken func(error)) *http.Client {
	send := func(req *http.Request) (*http.Response, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		resp, err := transport.RoundTrip(req.WithContext(ctx))
		if err != nil {
			cancel()
			broken(err)
			return nil, err
		}
		resp.Body = &body{ReadCloser: resp.Body, response: resp, done: cancel}
		return resp, nil
	}
	return &http.Client{
		Transport:     sender(send),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// sender lets a function be an http.RoundTripper.
type sender func(*http.Request) (*http.Response, error)

func (s sender) RoundTrip(req *http.Request) (*http.Response, error) { return s(req) }

// body counts what is read of a response. Vegeta counts nothing of what it discards, but it hands on the header: the
// true length is left there, also for a response that did not announce it.
type body struct {
	io.ReadCloser
	response *http.Response
	done     context.CancelFunc
	read     int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	return n, err
}

// Close ends the request's time limit too.
func (b *body) Close() error {
	defer b.done()
	if b.read != b.response.ContentLength {
		b.response.Header.Set("Content-Length", strconv.FormatInt(b.read, 10))
	}
	return b.ReadCloser.Close()
}

// length is what body left in the header; 0 when no response came.
func length(header http.Header) int64 {
	n, _ := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	return n
}
