package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

const token = "t0ps3cret"

// knock sends a request to a door with the right token, unless the header says otherwise.
func knock(d *Door, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w
}

func TestDoorWantsTheToken(t *testing.T) {
	for _, authorization := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Bearer " + token + " ", "Bearer " + token[1:], "Basic " + token, token} {
		for _, path := range []string{"/events", "/events/runs/R1", "/other"} {
			d := newDesk(accept)
			w := knock(&Door{Intake: d.Intake, Token: token}, http.MethodPost, path, change(checkout), "Authorization", authorization)
			require.Equal(t, http.StatusUnauthorized, w.Code, authorization)
			require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
			require.JSONEq(t, `{"error":"wrong or missing bearer token"}`, w.Body.String())
			submitted, refused, counted, _ := d.told()
			require.Empty(t, append(append(submitted, refused...), counted...))
		}
	}
}

func TestDoorWithoutATokenIsShut(t *testing.T) {
	for _, authorization := range []string{"", "Bearer ", "Bearer"} {
		w := knock(&Door{Intake: newDesk(accept).Intake}, http.MethodPost, "/events", change(checkout), "Authorization", authorization)
		require.Equal(t, http.StatusUnauthorized, w.Code)
	}
}

func TestDoorAnswers(t *testing.T) {
	var refusal error = &pipeline.Refusal{Reason: "ref: dev is not one of the branches"}
	for name, c := range map[string]struct {
		method, path, body string
		err                error
		status             int
		want               string
		told               bool
	}{
		"taken":        {body: change(checkout), status: 202, want: `{"runs":[{"outcome":"` + pipeline.Accepted + `","run":"R1"}]}`},
		"ignored":      {body: push("eu-west-1", `{"action-type":"DELETE"}`), status: 202, want: `{"runs":[],"ignored":["not a successful push of a tag"]}`},
		"malformed":    {body: `{"detail-type":"hunter2"}`, status: 400, want: `{"error":"detail-type: \"***\" is neither \"Bellwether Change\" nor \"ECR Image Action\""}`, told: true},
		"refused":      {body: change(checkout), err: refusal, status: 422, want: `{"error":"ref: dev is not one of the branches"}`, told: true},
		"not stored":   {body: change(checkout), err: errors.New("redis at 10.0.0.7 refused"), status: 503, want: `{"error":"the event could not be stored; send it again"}`},
		"too large":    {body: strings.Repeat(" ", MaxEvent+1), status: 413, want: `{"error":"an event has at most 1024 KiB"}`},
		"just small":   {body: change(checkout) + strings.Repeat(" ", MaxEvent-len(change(checkout))), status: 202, want: `{"runs":[{"outcome":"` + pipeline.Accepted + `","run":"R1"}]}`},
		"other method": {method: http.MethodGet, status: 405},
		"other path":   {path: "/event", status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(func(ctx context.Context, change pipeline.Change) ([]pipeline.Receipt, error) {
				if c.err != nil {
					return nil, c.err
				}
				return accept(ctx, change)
			})
			w := knock(&Door{Intake: d.Intake, Token: token}, cmp.Or(c.method, http.MethodPost), cmp.Or(c.path, "/events"), c.body)
			require.Equal(t, c.status, w.Code, w.Body)
			if c.want != "" {
				require.Equal(t, "application/json", w.Header().Get("Content-Type"))
				require.JSONEq(t, c.want, w.Body.String())
			}
			_, refused, _, _ := d.told()
			require.Equal(t, c.told, len(refused) == 1, refused)
		})
	}
}

func TestDoorRefusesHalfAnEvent(t *testing.T) {
	d := newDesk(accept)
	r := httptest.NewRequest(http.MethodPost, "/events", io.MultiReader(strings.NewReader("{"), brokenReader{}))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	(&Door{Intake: d.Intake, Token: token}).Handler().ServeHTTP(w, r)
	require.Equal(t, http.StatusBadRequest, w.Code)
	_, refused, _, _ := d.told()
	require.Empty(t, refused, "a line that broke is no malformed event")
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A sender that got 503 sends again, and nothing was lost.
func TestDoorTakesAgainWhatWasNotStored(t *testing.T) {
	down := true
	d := newDesk(func(ctx context.Context, change pipeline.Change) ([]pipeline.Receipt, error) {
		if down {
			return nil, errors.New("connection refused")
		}
		return accept(ctx, change)
	})
	door := &Door{Intake: d.Intake, Token: token}
	require.Equal(t, 503, knock(door, http.MethodPost, "/events", change(checkout)).Code)
	down = false
	require.Equal(t, 202, knock(door, http.MethodPost, "/events", change(checkout)).Code)
	submitted, refused, counted, _ := d.told()
	require.Equal(t, []string{"e-1", "e-1"}, submitted)
	require.Equal(t, []string{Broken, Taken}, counted)
	require.Empty(t, refused)
}

func TestDoorTellsHowARunFares(t *testing.T) {
	door := &Door{Intake: newDesk(accept).Intake, Token: token, RunURL: runURL, Load: func(_ context.Context, id string) (pipeline.Run, error) {
		switch id {
		case "R1":
			return pipeline.Run{
				ID: "R1", State: pipeline.Superseded, Successor: "R2",
				Changes: []pipeline.Change{{Kind: pipeline.KindService, Name: "checkout", Version: "v7"}},
			}, nil
		case "R3":
			return pipeline.Run{}, errors.New("redis is down")
		}
		return pipeline.Run{}, fmt.Errorf("run %s: %w", id, bot.ErrNotFound)
	}}
	for id, want := range map[string]struct {
		status int
		body   string
	}{
		"R1": {200, `{"id":"R1","state":"superseded","verdict":"","subject":"checkout v7","headline":"checkout v7 was superseded before it ran","url":"https://bellwether.example.com/runs/R1","successor":"R2"}`},
		"R2": {404, `{"error":"no such run"}`},
		"R3": {503, `{"error":"the run could not be read; ask again"}`},
	} {
		w := knock(door, http.MethodGet, "/events/runs/"+id, "")
		require.Equal(t, want.status, w.Code, id)
		require.JSONEq(t, want.body, w.Body.String())
	}
}

func runURL(id string) string { return "https://bellwether.example.com/runs/" + id }
