// Package demo is the sample shop that `bellwether demo` tests, and the story that it plays against a running Bellwether.
// The shop is real: every version of a service is an HTTP server that a deploy starts and another one stops, and versions
// differ in what they do for a request. The story is a client like any other: it sends events, says commands and reads
// the chat, and complains when something else happens than it should.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// drain is how long requests of a version that was replaced may take to end.
const drain = 5 * time.Second

// paths of the gateway, and the service behind each.
var paths = map[string]string{"/search": "search", "/cart": "checkout", "/orders": "checkout", "/invoices": "billing"}

// Shop is the system under test: a gateway in front of three services, two of which use the orders database. It starts
// empty, as nothing is deployed yet.
type Shop struct {
	URL        string // of the gateway
	ControlURL string // of what Deploy and Apply talk to

	orders  *orders
	routes  map[string]*route // by service
	servers []*http.Server
}

// Start listens on two free ports of the loopback interface. Close the shop when it is no longer needed.
func Start(ctx context.Context) (*Shop, error) {
	s := &Shop{orders: newOrders(), routes: map[string]*route{}}
	gateway := http.NewServeMux()
	for path, service := range paths {
		if s.routes[service] == nil {
			s.routes[service] = &route{service: service}
		}
		gateway.Handle(path, s.routes[service])
	}
	var err error
	if s.URL, err = s.listen(ctx, gateway); err == nil {
		s.ControlURL, err = s.listen(ctx, s.controls())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the shop: %w", err), s.Close())
	}
	return s, nil
}

// listen serves on a free port and returns its URL.
func (s *Shop) listen(ctx context.Context, handler http.Handler) (string, error) {
	server, url, err := serve(ctx, handler)
	if err == nil {
		s.servers = append(s.servers, server)
	}
	return url, err
}

// Close stops the gateway and every service at once.
func (s *Shop) Close() error {
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	for _, r := range s.routes {
		if old := r.turn(nil); old != nil {
			errs = append(errs, old.server.Close())
		}
	}
	return errors.Join(errs...)
}

// serve starts a server on a free port of the loopback interface and returns it with its URL.
func serve(ctx context.Context, handler http.Handler) (*http.Server, string, error) {
	var on net.ListenConfig
	listener, err := on.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) // ends with the server; it fails only if the listener does
	return server, "http://" + listener.Addr().String(), nil
}

// route leads the requests for one service to the version that is deployed.
type route struct {
	service   string
	deploying sync.Mutex // one deploy at a time

	mu      sync.RWMutex
	running *instance // nil before the first deploy
}

// ServeHTTP forwards a request. The version it reached stays until it is answered.
func (r *route) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	to := r.lease()
	if to == nil {
		http.Error(w, r.service+" is not deployed", http.StatusServiceUnavailable)
		return
	}
	defer to.busy.Done()
	to.proxy.ServeHTTP(w, req)
}

// lease is the version that runs, kept from stopping until its busy is done; nil when there is none.
func (r *route) lease() *instance {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.running != nil {
		r.running.busy.Add(1)
	}
	return r.running
}

// turn leads all further requests to another version and returns the one before.
func (r *route) turn(to *instance) (old *instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, r.running = r.running, to
	return old
}

// deploy replaces the version of a service that runs, once the new one answers, and tells each step. When the new one does
// not start, the old one goes on serving.
func (s *Shop) deploy(ctx context.Context, service, version string, tell func(format string, args ...any)) error {
	r, ok := s.routes[service]
	if !ok {
		return fmt.Errorf("the shop has no service %q", service)
	}
	r.deploying.Lock()
	defer r.deploying.Unlock()
	fresh, err := s.launch(ctx, service, version)
	if err != nil {
		return fmt.Errorf("%w\n%s %s did not start; %s", err, service, version, r.serving())
	}
	tell("%s %s answers at %s", service, version, fresh.url)
	old := r.turn(fresh)
	if old == nil {
		return nil
	}
	began := time.Now()
	if err := old.stop(); err != nil {
		return fmt.Errorf("stop %s %s: %w", service, old.version, err)
	}
	tell("%s %s has answered its last request and stopped (%d ms)", service, old.version, time.Since(began).Milliseconds())
	return nil
}

func (r *route) serving() string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.running == nil {
		return "nothing ran before"
	}
	return r.running.version + " goes on serving"
}

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
