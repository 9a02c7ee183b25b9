package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/intake"
)

// answers are what a Bellwether says, one after the other, the last one again and again; an empty one is a broken line.
type answers []string

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	body := (*a)[0]
	if len(*a) > 1 {
		*a = (*a)[1:]
	}
	if body == "" {
		return nil, errors.New("connection refused")
	}
	status := http.StatusOK
	if strings.HasPrefix(body, "!") {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(strings.TrimPrefix(body, "!")))}, nil
}

const (
	running    = `{"id": "R1", "state": "running", "subject": "checkout 1.4.0"}`
	superseded = `{"id": "R1", "state": "superseded", "subject": "checkout 1.4.0", "successor": "R2"}`
	done       = `{"id": "R2", "state": "done", "verdict": "pass", "subject": "checkout 1.5.0"}`
	stranger   = `!{"error": "no such run"}`
)

func TestWaiting(t *testing.T) {
	for name, c := range map[string]struct {
		answers  answers
		told, id string
		err      string
	}{
		"to the end of the successor": {
			answers: answers{running, running, superseded, done}, id: "R2",
			told: "R1 (checkout 1.4.0): running\nR1 (checkout 1.4.0): superseded\n",
		},
		"over a restart": {
			answers: answers{running, "", "", running, done}, id: "R2",
			told: "R1 (checkout 1.4.0): running\nR1: ask http://b/events/runs/R1: connection refused; is Bellwether running there?\n" +
				"R1 (checkout 1.4.0): running\n",
		},
		"not for what is denied": {
			answers: answers{stranger}, err: "http://b/events/runs/R1 answered Not Found: no such run",
		},
		"not for ever": {
			answers: answers{running}, told: "R1 (checkout 1.4.0): running\n", err: "no end after 1h; R1 (checkout 1.4.0): running",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				told, id, err := wait(ctx, c.answers)
				require.Equal(t, c.told, told)
				require.Equal(t, c.id, id)
				if c.err != "" {
					require.EqualError(t, err, c.err)
				}
			})
		})
	}
}

func TestWaitingIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		_, _, err := wait(ctx, answers{running})
		require.EqualError(t, err, "stopped waiting, the run goes on; R1 (checkout 1.4.0): running")
	})
}

// wait for run R1; it returns what was told meanwhile and the run that ended.
func wait(ctx context.Context, a answers) (told, id string, err error) {
	var out strings.Builder
	remote := &intake.Remote{Client: &http.Client{Transport: &a}, URL: "http://b"}
	status, err := (&emitCommand{Timeout: time.Hour}).follow(ctx, Process{Err: &out}, remote, "R1")
	if err != nil {
		status.ID = ""
	}
	return out.String(), status.ID, err
}

func TestNothingToWaitFor(t *testing.T) {
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"runs": []}`) }))
	defer door.Close()
	var out strings.Builder
	c := &emitCommand{To: door.URL, Wait: true, Timeout: time.Hour}
	require.NoError(t, c.Run(t.Context(), Process{Out: &out}))
	require.Equal(t, "nothing to test: only ignored paths are touched\n", out.String())
}
