package chaos

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// prefix of Bellwether's keys.
const prefix = "bellwether:"

// redisServer is a real Redis that writes everything down before it acknowledges it. It can be killed and started again.
type redisServer struct {
	t       testing.TB
	dir     string
	address string
	client  *redis.Client
	cmd     *exec.Cmd
}

func startRedis(t testing.TB, dir string) *redisServer {
	s := &redisServer{t: t, dir: filepath.Join(dir, "redis"), address: freeAddress(t)}
	require.NoError(t, os.MkdirAll(s.dir, 0o700))
	s.client = redis.NewClient(&redis.Options{Addr: s.address})
	s.start()
	return s
}

func (s *redisServer) start() {
	_, port, _ := net.SplitHostPort(s.address)
	s.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--save", "",
		"--maxmemory-policy", "noeviction", "--appendonly", "yes", "--appendfsync", "always", "--logfile", "log")
	require.NoError(s.t, s.cmd.Start(), "is redis-server installed? apt-get install redis-server")
	ready := func() bool { return s.client.Ping(s.t.Context()).Err() == nil }
	require.Eventually(s.t, ready, 20*time.Second, 20*time.Millisecond, "Redis starts")
}

func (s *redisServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *redisServer) close() {
	_ = s.client.Close()
	s.kill()
}

// gate is on the way to Redis, and can be closed.
type gate struct {
	address  string
	to       string
	listener net.Listener

	mu     sync.Mutex
	state  gateState
	moved  *sync.Cond // the state changed
	routes map[net.Conn]bool
}

type gateState int

const (
	open   gateState = iota
	shut             // connections are refused, and cut
	silent           // what is sent goes nowhere until the gate is open again
)

func openGate(t testing.TB, to string) *gate {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{address: listener.Addr().String(), to: to, listener: listener, routes: map[net.Conn]bool{}}
	g.moved = sync.NewCond(&g.mu)
	go g.accept()
	return g
}

func (g *gate) accept() {
	for {
		from, err := g.listener.Accept()
		if err != nil {
			return // closed
		}
		to, err := net.Dial("tcp", g.to)
		if err != nil || !g.admit(from, to) {
			_ = from.Close()
			continue
		}
		go g.carry(from, to)
		go g.carry(to, from)
	}
}

func (g *gate) admit(ends ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, end := range ends {
		if g.state == shut {
			_ = end.Close()
			continue
		}
		g.routes[end] = true
	}
	return g.state != shut
}

// carry takes bytes one way, until either end closes. What was sent before a gate fell silent arrives once it opens, as
// what a network holds back does, even if its sender has gone.
func (g *gate) carry(from, to net.Conn) {
	defer g.forget(from, to)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		g.pass()
		if _, wrong := to.Write(buffer[:n]); err != nil || wrong != nil {
			return
		}
	}
}

// pass waits while the gate is silent.
func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.state == silent {
		g.moved.Wait()
	}
}

func (g *gate) forget(ends ...io.Closer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, end := range ends {
		_ = end.Close()
		delete(g.routes, end.(net.Conn))
	}
}

func (g *gate) set(state gateState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = state
	g.moved.Broadcast()
	if state != shut {
		return
	}
	for end := range g.routes {
		_ = end.Close()
	}
}

func (g *gate) close() {
	_ = g.listener.Close()
	g.set(shut)
}
