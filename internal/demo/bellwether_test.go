package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// fake is a small Bellwether: every run waits, runs and ends as one looks at it, with the verdict that its version has.
type fake struct {
	mu        sync.Mutex
	verdicts  map[string]string // by version; else pass
	silent    map[string]bool   // versions that nobody is told about
	chartless bool
	disturbed map[string]int // how many runs of a version are no good
	events    []envelope     // taken in
	ids       map[string]bool
	runs      []*fakeRun
	messages  []message
}

type fakeRun struct {
	id, version, state, verdict string
	looks                       int
}

func newFake(t *testing.T) (*fake, *httptest.Server) {
	f := &fake{
		verdicts: map[string]string{slowerVersion: "regressed", brokenVersion: "failed"},
		silent:   map[string]bool{}, ids: map[string]bool{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events", f.event)
	mux.HandleFunc("GET /events/runs/{id}", f.status)
	mux.HandleFunc("POST /chat/commands", f.command)
	mux.HandleFunc("GET /chat/transcript.json", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"messages": f.messages})
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return f, server
}

func (f *fake) event(w http.ResponseWriter, r *http.Request) {
	var e envelope
	_ = json.NewDecoder(r.Body).Decode(&e)
	switch {
	case r.Header.Get("Authorization") != "Bearer s3cret":
		http.Error(w, "token", http.StatusUnauthorized)
		return
	case e.Detail.Kind == "gadget" && f.verdicts["gadget"] == "":
		f.say("infrastructure", "", "An event was refused: kind gadget")
		http.Error(w, `{"error":"kind"}`, http.StatusBadRequest)
		return
	case f.ids[e.ID] || f.ids[e.Detail.Revision]:
		fmt.Fprint(w, `{"runs":[{"outcome":"repeat","run":""}]}`)
		return
	}
	f.ids[e.ID], f.ids[e.Detail.Revision] = true, true
	f.events = append(f.events, e)
	answer := receipt{Outcome: "accepted", Run: f.run(channelOf[e.Detail.Name], e.Detail.Version, said[e.Detail.Version])}
	if e.Detail.Version == repaired.Version {
		last := f.runs[len(f.runs)-2]
		last.state, last.verdict, last.looks = "superseded", "", 2
		answer.Superseded = []string{last.id}
		f.say("team-checkout", thread(f.messages, "team-checkout", last.id)[0].ID, "superseded by "+answer.Run)
	}
	json.NewEncoder(w).Encode(map[string]any{"runs": []receipt{answer}})
}

var channelOf = map[string]string{
	"search": "team-search", "checkout": "team-checkout", "billing": "team-checkout", "orders-db": "infrastructure",
}

// said in the thread of a version, besides what is said of every one.
var said = map[string]string{
	slowerVersion: "Regression of checkout-flow, confirmed: @dev-sg",
	widerVersion:  "checkout-flow, billing-invoices",
	brokenVersion: "panic: missing ORDERS_DB_URL\nrestored " + repaired.Version,
}

func (f *fake) run(channel, version, words string) string {
	run := &fakeRun{id: fmt.Sprintf("R%d", len(f.runs)+1), version: version, state: "done", verdict: "pass"}
	if v, ok := f.verdicts[version]; ok {
		run.verdict = v
	}
	f.runs = append(f.runs, run)
	if f.disturbed[version] > 0 {
		f.disturbed[version]--
		run.verdict = "invalid"
	}
	if !f.silent[version] {
		root := f.say(channel, "", version+" "+run.verdict+"\nRun: "+run.id)
		f.say(channel, root, "Results: passed\n"+words)
	}
	return run.id
}

func (f *fake) say(channel, thread, text string) string {
	id := fmt.Sprintf("m%d", len(f.messages)+1)
	m := message{Channel: channel, Thread: thread, ID: id, Text: text}
	if thread != "" && !f.chartless {
		m.Images = []string{"images/" + id + ".png"}
	}
	f.messages = append(f.messages, m)
	return id
}

func (f *fake) status(w http.ResponseWriter, r *http.Request) {
	for _, run := range f.runs {
		if run.id == r.PathValue("id") {
			now := status{State: []string{"waiting", "running", run.state}[min(run.looks, 2)]}
			if run.looks++; run.looks > 2 {
				now.Verdict = run.verdict
			}
			json.NewEncoder(w).Encode(now)
			return
		}
	}
	http.Error(w, "no such run", http.StatusNotFound)
}

var ack = regexp.MustCompile(`^ack (R\d+) because `)

func (f *fake) command(w http.ResponseWriter, r *http.Request) {
	var said words
	_ = json.NewDecoder(r.Body).Decode(&said)
	switch marked := ack.FindStringSubmatch(said.Text); {
	case said.Text == "full":
		f.say(said.Channel, "", said.As+" asked for the full suite on load: "+f.run(said.Channel, "full", "all 3"))
	case strings.HasPrefix(said.Text, "rerun "):
		f.say(said.Channel, "", said.As+" asked for a rerun of R1: "+f.run(said.Channel, "rerun", "Repeats: R1"))
	case marked != nil:
		f.say(said.Channel, thread(f.messages, said.Channel, marked[1])[0].ID, "Acknowledged by "+said.As)
	default:
		fmt.Fprint(w, `{"private":true,"text":"I don't know that."}`)
		return
	}
	fmt.Fprint(w, `{}`)
}
