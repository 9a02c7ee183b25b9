package intake

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// recorded is a request as the platform's documentation shows it, from testdata/cloudevents.
func recorded(t *testing.T, name string) *http.Request {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "cloudevents", name+".http"))
	require.NoError(t, err)
	head, body, found := strings.Cut(string(raw), "\n\n")
	require.True(t, found)
	lines := strings.Split(head, "\n")
	words := strings.Fields(lines[0])
	r := httptest.NewRequest(words[0], words[1], strings.NewReader(body))
	for _, line := range lines[1:] {
		key, value, _ := strings.Cut(line, ": ")
		r.Header.Set(key, value)
	}
	return r
}

// visit is what became of requests at a door: the last answer, and every change that was submitted.
type visit struct {
	*desk
	changes []pipeline.Change
	answer  *httptest.ResponseRecorder
}

// newVisit has a door that answers to each change in turn with an error of the list, and takes what comes after those.
func newVisit(failures ...error) *visit {
	v := &visit{}
	v.desk = newDesk(func(ctx context.Context, c pipeline.Change) ([]pipeline.Receipt, error) {
		v.changes = append(v.changes, c)
		if n := len(v.changes); n <= len(failures) && failures[n-1] != nil {
			return nil, failures[n-1]
		}
		return accept(ctx, c)
	})
	return v
}

func (v *visit) knock(r *http.Request) {
	v.answer = httptest.NewRecorder()
	(&Door{Intake: v.Intake, Token: token}).Handler().ServeHTTP(v.answer, r)
}

func TestRecordedCloudEvents(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 5e8, time.UTC)
	three := 3
	checkout := pipeline.Change{Kind: pipeline.KindService, Name: "checkout", Revision: "1f6c"}
	merged := checkout
	merged.Title, merged.Files, merged.At = "5 < 6", &three, at
	platform := pipeline.Change{Kind: pipeline.KindStack, Name: "platform", Revision: "9a0e"}
	published := platform
	published.At = at
	none := []pipeline.Change(nil)
	for name, c := range map[string]struct {
		changes []pipeline.Change
		status  int
		ignored string
	}{
		"binary":     {changes: []pipeline.Change{merged}, status: 202},
		"structured": {changes: []pipeline.Change{merged}, status: 202},
		"base64":     {changes: []pipeline.Change{checkout}, status: 202},
		"batch":      {changes: []pipeline.Change{checkout, platform}, status: 202, ignored: `type "com.example.order.placed" is no change`},
		"azure": {changes: []pipeline.Change{{
			Kind:  pipeline.KindService,
			Image: "innerscale.azurecr.io/shop/checkout:1.4.0@sha256:213bbc182920ab41e18edc2001e06abcca6735d87782d9cef68abd83941cf0e5",
			At:    time.Date(2026, 11, 23, 9, 0, 0, 654961400, time.UTC),
		}}, status: 202},
		"azure-untagged":   {changes: none, status: 202, ignored: "not a push of a tag"},
		"azure-own-schema": {changes: none, status: 400},
		"google-image": {changes: []pipeline.Change{{
			Kind: pipeline.KindService, At: at,
			Image: "europe-west1-docker.pkg.dev/innerscale/shop/checkout:1.4.0@sha256:6ec128e26cd5a1b2",
		}}, status: 202},
		"google-untagged": {changes: none, status: 202, ignored: "not a push of a tag"},
		"google-change":   {changes: []pipeline.Change{published}, status: 202},
		"google-other":    {changes: none, status: 202, ignored: "the message is neither a change nor a registry's notification"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisit()
			v.knock(recorded(t, name))
			require.Equal(t, c.status, v.answer.Code, v.answer.Body)
			for i := range v.changes {
				require.Regexp(t, "^ce-[0-9a-f]{32}$", v.changes[i].EventID)
				v.changes[i].EventID = ""
			}
			require.Equal(t, c.changes, v.changes)
			if c.ignored != "" {
				var answer accepted
				require.NoError(t, json.Unmarshal(v.answer.Body.Bytes(), &answer))
				require.Equal(t, []string{c.ignored}, answer.Ignored)
				require.NotNil(t, answer.Runs)
			}
			_, _, _, logged := v.told()
			require.NotContains(t, logged, token)
		})
	}
}

func TestEventGridsOwnSchemaIsRefusedWithTheWayOut(t *testing.T) {
	v := newVisit()
	v.knock(recorded(t, "azure-own-schema"))
	require.JSONEq(t, `{"error": "Event Grid's own schema is not understood; choose Cloud Event Schema v1.0 in the event subscription"}`,
		v.answer.Body.String())
}

// The same event is the same in either mode; another source's event of the same id is another.
func TestCloudEventsAreKnownByIDAndSource(t *testing.T) {
	v := newVisit()
	v.knock(recorded(t, "binary"))
	v.knock(recorded(t, "structured"))
	other := recorded(t, "binary")
	other.Header.Set("Ce-Source", "/ci/other")
	v.knock(other)
	require.Len(t, v.changes, 3)
	require.Equal(t, v.changes[0].EventID, v.changes[1].EventID)
	require.NotEqual(t, v.changes[0].EventID, v.changes[2].EventID)
	a, b := cloudEvent{Source: "a b", ID: "c"}, cloudEvent{Source: "a", ID: "b c"}
	require.NotEqual(t, a.identity(), b.identity())
}

// What the CloudEvents project's own library sends is understood.
func TestCloudEventsOfTheSDK(t *testing.T) {
	e := event.New()
	e.SetID("7")
	e.SetSource("/ci")
	e.SetType(CloudChange)
	e.SetTime(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	require.NoError(t, e.SetData(event.ApplicationJSON, Detail{Kind: "service", Name: "checkout", Revision: "1f6c"}))
	batch, err := cehttp.NewHTTPRequestFromEvents(t.Context(), "http://b/events", []event.Event{e})
	require.NoError(t, err)
	single, err := cehttp.NewHTTPRequestFromEvent(t.Context(), "http://b/events", e)
	require.NoError(t, err)
	inBody, err := http.NewRequestWithContext(binding.WithForceStructured(t.Context()), http.MethodPost, "http://b/events", nil)
	require.NoError(t, err)
	require.NoError(t, cehttp.WriteRequest(inBody.Context(), binding.ToMessage(&e), inBody))
	require.NotEmpty(t, single.Header.Get("Ce-Id"))
	require.Empty(t, inBody.Header.Get("Ce-Id"))

	v := newVisit()
	for _, r := range []*http.Request{single, inBody, batch} {
		r.Header.Set("Authorization", "Bearer "+token)
		v.knock(r)
		require.Equal(t, http.StatusAccepted, v.answer.Code, v.answer.Body)
	}
	require.Len(t, v.changes, 3)
	require.Equal(t, "checkout", v.changes[0].Name)
	require.Equal(t, v.changes[0], v.changes[1])
	require.Equal(t, v.changes[0], v.changes[2])
}

// An image that nobody owns comes from a registry that everybody uses: no reason to trouble people.
func TestForeignImagesAreIgnored(t *testing.T) {
	unowned := &pipeline.Refusal{Reason: "nothing in the catalog has image hunter2", Unowned: true}
	for _, name := range []string{"azure", "google-image"} {
		v := newVisit(unowned)
		v.knock(recorded(t, name))
		require.Equal(t, http.StatusAccepted, v.answer.Code)
		require.JSONEq(t, `{"runs":[],"ignored":["nothing in the catalog has image ***"]}`, v.answer.Body.String())
		_, refused, _, _ := v.told()
		require.Empty(t, refused)
	}
	v := newVisit(unowned)
	v.knock(recorded(t, "google-change"))
	require.Equal(t, http.StatusUnprocessableEntity, v.answer.Code, "a change was meant for us")
}

func TestBatchGoesOnAfterARefusal(t *testing.T) {
	v := newVisit(&pipeline.Refusal{Reason: "ref: dev is not one of the branches"})
	v.knock(recorded(t, "batch"))
	require.Equal(t, http.StatusUnprocessableEntity, v.answer.Code)
	require.Equal(t, "ref: dev is not one of the branches", reason(t, v.answer))
	require.Equal(t, "platform", v.changes[1].Name)
	_, refused, counted, _ := v.told()
	require.Len(t, refused, 1)
	require.Equal(t, []string{Refused, Ignored, Taken}, counted)
}

func TestBatchStopsWhereItCannotBeStored(t *testing.T) {
	v := newVisit(errors.New("redis is down"))
	v.knock(recorded(t, "batch"))
	require.Equal(t, http.StatusServiceUnavailable, v.answer.Code)
	require.Len(t, v.changes, 1)
	v.knock(recorded(t, "batch"))
	require.Equal(t, http.StatusAccepted, v.answer.Code, "sent again, all of it is taken")
	require.Len(t, v.changes, 3)
	require.Equal(t, v.changes[0].EventID, v.changes[1].EventID)
}

// The query is for brokers that send events, and for nobody else.
func TestTokenInTheQuery(t *testing.T) {
	for target, want := range map[string]int{
		"POST /events?token=" + token:         http.StatusAccepted,
		"POST /events?token=wrong":            http.StatusUnauthorized,
		"POST /events?token=":                 http.StatusUnauthorized,
		"POST /events":                        http.StatusUnauthorized,
		"GET /events/runs/R1?token=" + token:  http.StatusUnauthorized,
		"PUT /events?token=" + token:          http.StatusUnauthorized,
		"POST /events/runs/R1?token=" + token: http.StatusUnauthorized,
	} {
		v := newVisit()
		method, address, _ := strings.Cut(target, " ")
		v.knock(httptest.NewRequest(method, address, strings.NewReader(change(checkout))))
		require.Equal(t, want, v.answer.Code, target)
	}
	w := httptest.NewRecorder()
	(&Door{Intake: newVisit().Intake}).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/events?token=", strings.NewReader(change(checkout))))
	require.Equal(t, http.StatusUnauthorized, w.Code, "a door without a token is shut")
}

func TestHandshake(t *testing.T) {
	v := newVisit()
	r := httptest.NewRequest(http.MethodOptions, "/events?token=guessed", nil)
	r.Header.Set("WebHook-Request-Origin", "eventgrid.azure.net")
	r.Header.Set("WebHook-Request-Rate", "120")
	v.knock(r)
	require.Equal(t, http.StatusOK, v.answer.Code)
	require.Equal(t, "eventgrid.azure.net", v.answer.Header().Get("WebHook-Allowed-Origin"))
	require.Equal(t, "*", v.answer.Header().Get("WebHook-Allowed-Rate"))
	require.Equal(t, "POST, OPTIONS", v.answer.Header().Get("Allow"))

	v.knock(httptest.NewRequest(http.MethodOptions, "/events", nil))
	require.Empty(t, v.answer.Header().Get("WebHook-Allowed-Origin"), "nobody asked")
	v.knock(httptest.NewRequest(http.MethodOptions, "/events/runs/R1", nil))
	require.Equal(t, http.StatusUnauthorized, v.answer.Code)
}
