package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/app"
	"bellwether/internal/peers"
)

// clockFile names, in the environment of a replica, the file with its clock's shift in nanoseconds.
const clockFile = "BELLWETHER_CHAOS_CLOCK"

// Bellwether carries out the command line of this process, if it was started as a replica, and ends it. Call it first.
func Bellwether() {
	file, ok := os.LookupEnv(clockFile)
	if !ok {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(app.Run(ctx, app.Process{
		Args: os.Args[1:], Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv, Now: shifted(file),
	}))
}

// shifted is a clock that follows the file.
func shifted(file string) func() time.Time {
	var shift atomic.Int64
	go func() {
		for ; ; <-time.After(100 * time.Millisecond) {
			text, err := os.ReadFile(file)
			if by, wrong := strconv.ParseInt(string(text), 10, 64); err == nil && wrong == nil {
				shift.Store(by)
			}
		}
	}()
	return func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
}

// replica is a Bellwether that is started again whenever it has ended, as a supervisor does.
type replica struct {
	number int
	dir    string
	url    string
	env    []string
	ended  chan struct{} // closed when the supervisor has given up

	mu      sync.Mutex
	process *os.Process // the present one
	exit    chan int    // takes the present one's exit code; -1 for one that was killed
	over    bool        // it shall not be started again
}

// startReplica writes its settings and supervises it.
func (w *world) startReplica(ctx context.Context, number int) *replica {
	r := &replica{number: number, dir: filepath.Join(w.plan.Dir, fmt.Sprint("replica-", number)), ended: make(chan struct{})}
	require.NoError(w.t, os.MkdirAll(r.dir, 0o700))
	listen, admin := freeAddress(w.t), freeAddress(w.t)
	r.url = "http://" + listen
	r.env = append(os.Environ(), clockFile+"="+filepath.Join(r.dir, "clock"), "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any")
	settings, err := json.Marshal(object{
		"redis": "redis://" + w.gate.address, "catalog": "catalog.yaml",
		"http":   object{"listen": listen, "admin": admin, "public_url": "https://bellwether.example.com"},
		"intake": object{"sqs": object{"queue_url": w.stream.url, "region": region, "endpoint": w.stream.endpoint}},
		"chat": object{"slack": object{
			"bot_token": peers.SlackBotToken, "signing_secret": peers.SlackSigningSecret, "api_url": w.slack.API(),
		}},
	})
	require.NoError(w.t, err)
	r.write(w.t, "bellwether.yaml", string(settings))
	r.write(w.t, "catalog.yaml", catalogText(w.shop, number))
	r.shift(0)
	go r.supervise(ctx)
	return r
}

type object = map[string]any

func (r *replica) write(t testing.TB, name, text string) {
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600))
}

// supervise starts the replica again a second after it ended, until it is over.
func (r *replica) supervise(ctx context.Context) {
	defer close(r.ended)
	for ctx.Err() == nil {
		cmd, err := r.start()
		if err != nil || cmd == nil {
			return
		}
		_ = cmd.Wait()
		r.exit <- cmd.ProcessState.ExitCode()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// start returns nil once the replica is over.
func (r *replica) start() (*exec.Cmd, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return nil, nil
	}
	log, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(os.Args[0], "serve", "--config", filepath.Join(r.dir, "bellwether.yaml"))
	cmd.Env, cmd.Stdout, cmd.Stderr = r.env, log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r.process, r.exit = cmd.Process, make(chan int, 1)
	return cmd, nil
}

// signal the present process; it returns its pid and what takes its exit code.
func (r *replica) signal(s syscall.Signal) (pid string, exit <-chan int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.process.Signal(s) // it may have ended by itself
	return strconv.Itoa(r.process.Pid), r.exit
}

func (r *replica) pid() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strconv.Itoa(r.process.Pid)
}

// shift the clock.
func (r *replica) shift(by time.Duration) {
	name := filepath.Join(r.dir, "clock")
	if os.WriteFile(name+".new", []byte(strconv.FormatInt(int64(by), 10)), 0o600) == nil {
		_ = os.Rename(name+".new", name)
	}
}

// end kills the replica for good.
func (r *replica) end() {
	r.mu.Lock()
	r.over = true
	if r.process != nil {
		_ = r.process.Kill()
	}
	r.mu.Unlock()
	<-r.ended
}

func (r *replica) ready() bool {
	client := http.Client{Timeout: time.Second}
	answer, err := client.Get(r.url + "/readyz")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// panics are the lines of the replica's log that tell of one.
func (r *replica) panics() (lines []string) {
	text, _ := os.ReadFile(filepath.Join(r.dir, "log"))
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "panic") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func freeAddress(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
