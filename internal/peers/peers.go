// Package peers starts, for tests, the independent programs that stand in for the services Bellwether talks to: a local
// Slack, a local SQS, and the real Redis. Each listens at a free port of 127.0.0.1 and ends with its test.
package peers

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a peer may take to answer, on a machine that is busy with other tests.
const patience = 20 * time.Second

// folder is testdata/peers, where "npm ci" puts what comes from npm.
func folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "testdata", "peers")
}

// missing leaves the test out and says why; where CI is set, everything is there and a missing peer is a failure.
func missing(t testing.TB, suite, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("the %s suite cannot run: %s", suite, why)
	}
	t.Skipf("left out the %s suite: %s", suite, why)
}

// SQS is fauxqs; it returns the endpoint.
func SQS(t testing.TB) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "SQS", "there is no node")
	}
	program := filepath.Join(folder(), "node_modules", "fauxqs", "dist", "server.js")
	installed(t, "SQS", program)
	port := freePort(t)
	cmd := exec.Command(node, program)
	cmd.Env = append(os.Environ(), "FAUXQS_PORT="+port, "FAUXQS_HOST=127.0.0.1", "FAUXQS_LOGGER=false")
	endpoint := "http://127.0.0.1:" + port
	start(t, cmd, func() bool { return answers(endpoint) })
	return endpoint
}

// Redis is the real one, without persistence unless the options ("--appendonly", "yes") ask for it; it returns the address.
func Redis(t testing.TB, options ...string) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		missing(t, "Redis", "there is no redis-server: apt-get install redis-server")
	}
	port := freePort(t)
	args := []string{"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "", "--maxmemory-policy", "noeviction"}
	address := "127.0.0.1:" + port
	start(t, exec.Command(program, append(args, options...)...), func() bool { return pongs(address) })
	return address
}

func installed(t testing.TB, suite, program string) {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		missing(t, suite, fmt.Sprintf("%s is not installed: run npm ci in testdata/peers", filepath.Base(program)))
	}
}

// start runs the peer until the test ends and waits until it is ready.
func start(t testing.TB, cmd *exec.Cmd, ready func() bool) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "peer.log"))
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		_ = log.Close()
	})
	for deadline := time.Now().Add(patience); !ready(); {
		select {
		case <-ended:
			t.Fatalf("%s ended at once: %s", cmd.Path, tail(log.Name()))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %s", cmd.Path, tail(log.Name()))
		}
	}
}

func tail(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-2000):])
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

func answers(url string) bool {
	client := http.Client{Timeout: time.Second}
	r, err := client.Get(url)
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return true
}

func pongs(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	answer := make([]byte, 7)
	_, err = io.WriteString(c, "PING\r\n")
	if err == nil {
		_, err = io.ReadFull(c, answer)
	}
	return err == nil && strings.HasPrefix(string(answer), "+PONG")
}
