package intake

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/internal/peers"
	"bellwether/pipeline"
)

// bus is EventBridge with the rule that users deploy.
func bus(t *testing.T, forward func(envelope []byte)) *peers.Bus {
	t.Helper()
	return peers.EventBridge(t, pattern(t), forward)
}

func publisher(b *peers.Bus) *Bus {
	return &Bus{Client: eventbridge.NewFromConfig(b.Config()), Name: b.Name}
}

func TestWhatIsPublishedIsUnderstood(t *testing.T) {
	got := make(chan []byte, 1)
	files := 3
	id, err := publisher(bus(t, func(envelope []byte) { got <- envelope })).Publish(t.Context(), Detail{
		Kind: "service", Name: "checkout", Revision: "1f6c", Title: "5 < 6 & \"so\"", FilesChanged: &files, Paths: []string{"a.go"},
	})
	require.NoError(t, err)
	event, err := Decode(<-got, mask, leaks)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), event.Change.At, time.Minute)
	event.Change.At = time.Time{}
	require.Equal(t, pipeline.Change{
		EventID: id, Kind: pipeline.KindService, Name: "checkout", Revision: "1f6c", Title: "5 < 6 & \"so\"",
		Files: &files, Paths: []string{"a.go"},
	}, event.Change)
}

// The way of a change in AWS: PutEvents, the deployed rule, the queue.
func fromBusToSubmit(t *testing.T, endpoint string) {
	p := newPost(t, endpoint, accept)
	b := bus(t, func(envelope []byte) { p.send(t, string(envelope)) })
	id, err := publisher(b).Publish(t.Context(), Detail{Kind: "service", Name: "checkout", Revision: "1f6c"})
	require.NoError(t, err)
	require.True(t, b.Route([]byte(push("eu-west-1", `{"result":"SUCCESS","repository-name":"a","action-type":"PUSH","image-tag":"1"}`))))
	require.False(t, b.Route([]byte(strings.Replace(change(checkout), "Bellwether Change", "Order Placed", 1))))
	p.receive(t)
	p.waitEmpty(t)
	require.ElementsMatch(t, []string{id, "e-2"}, p.submitted())
	require.Equal(t, empty, p.left(t, p.DeadLetter))
}

func TestPublishTellsWhatTheBusRefuses(t *testing.T) {
	b := bus(t, func([]byte) { t.Error("forwarded") })
	for name, c := range map[string]struct {
		spoil func(*Bus)
		want  string
	}{
		"no such bus":       {func(p *Bus) { p.Name = "gone" }, "bus gone refused the event: InvalidArgument: Event bus gone does not exist."},
		"wrong credentials": {func(p *Bus) { wrong := *b; wrong.SecretKey = "guessed"; *p = *publisher(&wrong) }, "InvalidSignatureException"},
		"wrong region":      {func(p *Bus) { wrong := *b; wrong.Region = "us-east-1"; *p = *publisher(&wrong) }, "Credential should be scoped to a valid region"},
	} {
		t.Run(name, func(t *testing.T) {
			p := publisher(b)
			c.spoil(p)
			id, err := p.Publish(t.Context(), Detail{Kind: "service"})
			require.ErrorContains(t, err, c.want)
			require.Empty(t, id)
		})
	}
}

// The answer may be 200 and the event lost all the same.
func TestPublishChecksTheCountOfFailures(t *testing.T) {
	for answer, want := range map[string]string{
		`{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"later"}]}`: "bus default refused the event: ThrottlingException: later",
		`{"FailedEntryCount":1,"Entries":[{"EventId":"1"}]}`:                                            "bus default refused the event",
		`{"FailedEntryCount":0,"Entries":[]}`:                                                           "0 answers to one entry",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			fmt.Fprint(w, answer)
		}))
		id, err := publisher(&peers.Bus{
			URL: server.URL, Name: "default", Region: "eu-west-1", AccessKey: "key", SecretKey: "secret",
		}).Publish(t.Context(), Detail{})
		server.Close()
		require.ErrorContains(t, err, want)
		require.Empty(t, id)
	}
}

// What is wrong with the event itself stays wrong; settings are mended, and AWS comes back.
func TestPublishTellsWhatNoLaterTryChanges(t *testing.T) {
	b := bus(t, func([]byte) { t.Error("forwarded") })
	wrong := *b
	wrong.SecretKey = "guessed"
	for name, c := range map[string]struct {
		bus    *peers.Bus
		detail any
		denied bool
	}{
		"not an object":     {b, "text", true},
		"no JSON":           {b, func() {}, true},
		"too large":         {b, Detail{Title: strings.Repeat("x", 300<<10)}, true},
		"wrong credentials": {&wrong, Detail{}, false},
	} {
		_, err := publisher(c.bus).Put(t.Context(), "Some Type", c.detail)
		_, denied := errors.AsType[Denied](err)
		require.Error(t, err, name)
		require.Equal(t, c.denied, denied, "%s: %v", name, err)
	}
}

// Behind a company's proxy the bus has a certificate that only AWS_CA_BUNDLE knows.
func TestPublishTrustsTheCABundle(t *testing.T) {
	got := make(chan []byte, 1)
	b := bus(t, func(envelope []byte) { got <- envelope })
	server := httptest.NewUnstartedServer(b)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the client that trusts nobody
	server.StartTLS()
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	raw := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(bundle, raw, 0o600))
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": b.AccessKey, "AWS_SECRET_ACCESS_KEY": b.SecretKey, "AWS_SESSION_TOKEN": "", "AWS_REGION": b.Region,
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	publish := func(ca string) error {
		t.Setenv("AWS_CA_BUNDLE", ca)
		settings, err := config.LoadDefaultConfig(t.Context(), config.WithBaseEndpoint(server.URL), config.WithRetryMaxAttempts(1))
		require.NoError(t, err)
		_, err = (&Bus{Client: eventbridge.NewFromConfig(settings), Name: b.Name}).Publish(t.Context(), Detail{Kind: "service"})
		return err
	}
	require.ErrorContains(t, publish(""), "certificate")
	require.NoError(t, publish(bundle))
	require.NotEmpty(t, <-got)
}

// remote is a running Bellwether as far as its events go.
func remote(t *testing.T, door *Door) *Remote {
	t.Helper()
	server := httptest.NewServer(door.Handler())
	t.Cleanup(server.Close)
	return &Remote{
		Client: server.Client(), URL: server.URL + "/", Token: token,
		NewID: func() string { return "mine-1" },
		Now:   func() time.Time { return time.Date(2026, 11, 23, 17, 0, 0, 0, time.FixedZone("", 8*3600)) },
	}
}

func TestRemotePublishes(t *testing.T) {
	var change pipeline.Change
	d := newDesk(func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		change = c
		return accept(ctx, c)
	})
	receipts, err := remote(t, &Door{Intake: d.Intake, Token: token}).Publish(t.Context(), Detail{Kind: "service", Name: "checkout", Revision: "1f6c"})
	require.NoError(t, err)
	require.Equal(t, []pipeline.Receipt{{Outcome: pipeline.Accepted, Run: "R1"}}, receipts)
	require.Equal(t, pipeline.Change{
		EventID: "mine-1", Kind: pipeline.KindService, Name: "checkout", Revision: "1f6c", At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
	}, change)
}

func TestRemoteTellsWhatWentWrong(t *testing.T) {
	down := &Door{Token: token, Intake: newDesk(func(context.Context, pipeline.Change) ([]pipeline.Receipt, error) {
		return nil, errors.New("redis is down")
	}).Intake}
	proxy := func(status int, body string) func(*Remote) {
		return func(r *Remote) { r.Client = &http.Client{Transport: canned{status, body}} }
	}
	for name, c := range map[string]struct {
		spoil func(*Remote)
		want  string
	}{
		"store is down": {func(*Remote) {}, "/events answered 503 Service Unavailable: the event could not be stored; send it again"},
		"wrong token":   {func(r *Remote) { r.Token = "guessed" }, "/events answered 401 Unauthorized: wrong or missing bearer token"},
		"nobody there":  {func(r *Remote) { r.URL = "http://127.0.0.1:1" }, "ask http://127.0.0.1:1/events: "},
		"no address":    {func(r *Remote) { r.URL = "http://%" }, "ask http://%/events: "},
		"a proxy":       {proxy(502, "<html>"), "/events answered 502 Bad Gateway"},
		"another site":  {proxy(200, "<html>"), "/events answered 200 OK, but not as a Bellwether does: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := remote(t, down)
			c.spoil(r)
			_, err := r.Publish(t.Context(), Detail{Kind: "service", Name: "checkout", Revision: "1f6c"})
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), token)
		})
	}
}

// canned is a transport that always answers the same.
type canned struct {
	status int
	body   string
}

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.WriteHeader(c.status)
	_, _ = w.WriteString(c.body)
	response := w.Result()
	response.Status = fmt.Sprintf("%d %s", c.status, http.StatusText(c.status))
	return response, nil
}

func TestRemoteAsksHowARunFares(t *testing.T) {
	r := remote(t, &Door{Intake: newDesk(accept).Intake, Token: token, RunURL: runURL, Load: func(_ context.Context, id string) (pipeline.Run, error) {
		if id != "R/1 2" {
			return pipeline.Run{}, bot.ErrNotFound
		}
		return pipeline.Run{ID: id, State: pipeline.Done, Verdict: pipeline.Pass}, nil
	}})
	status, err := r.Status(t.Context(), "R/1 2")
	require.NoError(t, err)
	require.Equal(t, "R/1 2", status.ID)
	require.Equal(t, pipeline.Pass, status.Verdict)
	_, err = r.Status(t.Context(), "R2")
	require.ErrorContains(t, err, "/events/runs/R2 answered 404 Not Found: no such run")
}
