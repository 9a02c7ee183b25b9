package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// instance is one running version of a service.
type instance struct {
	version string
	url     string
	server  *http.Server
	proxy   *httputil.ReverseProxy // of the gateway, to this version
	idle    func()                 // closes the gateway's idle connections
	busy    sync.WaitGroup         // requests that the gateway has forwarded
}

// launch starts a version on a port of its own and waits until it answers. A version that panics while it starts takes
// nobody with it, as a process of its own would not.
func (s *Shop) launch(ctx context.Context, service, version string) (i *instance, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	program := newProgram(service, version, s.orders)
	server, address, err := serve(ctx, program)
	if err != nil {
		return nil, err
	}
	if i, err = reach(server, version, address); err == nil {
		err = i.healthy(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return i, nil
}

// reach lets the gateway reach a server.
func reach(server *http.Server, version, address string) (*instance, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true}
	return &instance{
		version: version, url: address, server: server, idle: transport.CloseIdleConnections,
		proxy: &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport: transport,
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				http.Error(w, "gateway: "+err.Error(), http.StatusBadGateway)
			},
		},
	}, nil
}

// healthy asks once: the port is open already, so the first answer is as good as a later one.
func (i *instance) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.url+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := i.proxy.Transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask whether it is healthy: %w", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask whether it is healthy: %s", response.Status)
	}
	return nil
}

// stop ends a version that gets no new requests any more, after its last answer or when drain is over.
func (i *instance) stop() error {
	answered := make(chan struct{})
	go func() {
		i.busy.Wait()
		close(answered)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	select {
	case <-answered:
	case <-ctx.Done():
	}
	i.idle() // a connection that was opened and never used would hold Shutdown up
	if err := i.server.Shutdown(ctx); err != nil {
		return errors.Join(err, i.server.Close())
	}
	return nil
}
