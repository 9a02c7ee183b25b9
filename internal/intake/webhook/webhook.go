// Package webhook hears from git hosts what was merged: GitHub, GitLab, Gitea (and Forgejo) and Bitbucket. It makes each merge
// that the catalog knows something of a change, as package intake understands it, and lets the rest be.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"bellwether/internal/intake"
	"bellwether/internal/intake/webhook/diff"
	"bellwether/pipeline"
)

// Limits of one webhook.
const (
	// MaxBody is in bytes. GitHub sends up to 25 MiB, for pushes of thousands of commits; an ordinary push has a few KiB.
	MaxBody = 5 << 20
	// patience is how long work goes on, though the host may have hung up: GitHub, GitLab and Bitbucket wait ten seconds.
	patience = 9 * time.Second
)

// Hooks is the way in for git hosts: POST /webhooks/{host}.
type Hooks struct {
	Hosts   map[string]Host // by github, gitlab, gitea or bitbucket; one that is missing is not heard
	Catalog func() *pipeline.Catalog
	// Publish puts a change on the bus and returns the event's id there; nil: there is no bus. The bus gives every event
	// another id, so the change has its own, by which a repeat is known.
	Publish func(ctx context.Context, id string, change intake.Detail) (string, error)
	// Take takes an EventBridge envelope in, when there is no bus; (*intake.Intake).Take.
	Take func(ctx context.Context, envelope []byte) ([]pipeline.Receipt, error)
	// Refuse tells people of a merge that is not tested though nobody else will say so; key tells merges apart.
	Refuse func(ctx context.Context, key, what, reason string) error
	Now    func() time.Time
	Log    *slog.Logger
}

// Host is what is known of one kind of git host.
type Host struct {
	Name    string    // github.com, git.example:8443; only of its repositories it may tell
	Secrets []string  // each is good, so that one can be replaced; with none nobody is heard
	API     *diff.API // asked for what the webhook does not tell; nil: nobody is asked
}

// answer is what the host is told, and shows in its list of deliveries.
type answer struct {
	Runs      []pipeline.Receipt `json:"runs,omitempty"`
	Published []string           `json:"published,omitempty"` // ids of events on the bus
	Ignored   []string           `json:"ignored,omitempty"`   // why there is no more
	Error     string             `json:"error,omitempty"`
}

// ignored says why a webhook is no change, though nothing is wrong with it.
type ignored string

func (i ignored) Error() string { return string(i) }

// refused is a webhook that is not taken, and what its sender is told.
type refused struct {
	status int
	reason string
}

func (r *refused) Error() string { return r.reason }

func refuse(status int, format string, args ...any) error {
	return &refused{status, fmt.Sprintf(format, args...)}
}

// Handler serves POST /webhooks/{host}.
func (h *Hooks) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhooks/{host}", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
		defer cancel()
		said, err := h.hear(ctx, w, r)
		status := judge(&said, err, h.Log.With("host", r.PathValue("host")))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(said) // the host has hung up: nothing is left to tell it
	})
	return mux
}

// judge finds the status of an answer, and logs what is worth it.
func judge(said *answer, err error, log *slog.Logger) int {
	no, known := errors.AsType[*refused](err)
	switch {
	case known:
		log.Warn("webhook refused", "status", no.status, "reason", no.reason)
		said.Error = no.reason
		return no.status
	case err != nil:
		log.Error("webhook not taken", "error", err)
		said.Error = "the change could not be stored; deliver it again"
		return http.StatusServiceUnavailable
	case len(said.Runs)+len(said.Published) == 0:
		log.Debug("webhook ignored", "reason", strings.Join(said.Ignored, "; "))
		return http.StatusOK
	}
	log.Info("webhook taken", "runs", len(said.Runs), "published", len(said.Published))
	return http.StatusAccepted
}

// hear reads a webhook, and nothing of it before it is known to be the host's.
func (h *Hooks) hear(ctx context.Context, w http.ResponseWriter, r *http.Request) (answer, error) {
	name := r.PathValue("host")
	forge, known := forges[name]
	host, served := h.Hosts[name]
	if !known || !served {
		return answer{}, refuse(http.StatusNotFound, "no webhooks of %q are taken here; these are: %s",
			name, strings.Join(slices.Sorted(maps.Keys(h.Hosts)), ", "))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return answer{}, refuse(http.StatusRequestEntityTooLarge, "a webhook has at most %d MiB here", MaxBody>>20)
	}
	if err != nil {
		return answer{}, refuse(http.StatusBadRequest, "the webhook did not arrive whole; deliver it again")
	}
	timely, err := forge.signed(r.Header, body, host.Secrets, h.Now())
	if err != nil {
		return answer{}, refuse(http.StatusUnauthorized, "%s", err)
	}
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		return answer{}, refuse(http.StatusUnsupportedMediaType, "set the webhook's content type to application/json, it is %q", media)
	}
	merges, err := forge.merges(r.Header.Get(forge.event), body)
	if err != nil {
		return skip(answer{}, err)
	}
	for i := range merges {
		merges[i].timely = timely
	}
	return h.bring(ctx, name, host, merges)
}

// skip notes what is ignored, and returns any other error.
func skip(said answer, err error) (answer, error) {
	if why, ok := errors.AsType[ignored](err); ok {
		said.Ignored = append(said.Ignored, firstLine(string(why)))
		return said, nil
	}
	return said, err
}

// bring takes merges where they belong, each whatever became of the others. After an error the same webhook may come again:
// what was taken is then a repeat.
func (h *Hooks) bring(ctx context.Context, name string, host Host, merges []merge) (answer, error) {
	var said answer
	var failed error
	for _, m := range merges {
		err := h.take(ctx, name, host, m, &said)
		said, err = skip(said, err)
		failed = errors.Join(failed, err)
	}
	return said, failed
}

func (h *Hooks) take(ctx context.Context, name string, host Host, m merge, said *answer) error {
	if !at(host.Name, m.Repository) {
		return refuse(http.StatusForbidden, "%s is not at %s; intake.webhooks.%s.host says whose webhooks are heard", m.Repository, host.Name, name)
	}
	m.also = slices.DeleteFunc(m.also, func(other string) bool { return !at(host.Name, other) })
	changes, err := h.ready(ctx, name, host, &m)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := h.send(ctx, name, m, c, said); err != nil {
			return err
		}
	}
	return nil
}

// ready completes a merge, and finds the changes that it is. The host is only asked about a merge that concerns somebody.
func (h *Hooks) ready(ctx context.Context, name string, host Host, m *merge) ([]pipeline.Change, error) {
	changes, err := m.resolve(h.Catalog())
	if err != nil {
		return nil, err
	}
	if err := m.current(h.Now()); err != nil {
		return nil, h.tell(ctx, name, *m, changes, err)
	}
	if host.API != nil {
		err := m.complete(ctx, host.API)
		if err != nil && short(m.Revision) {
			return nil, fmt.Errorf("find the whole revision of %s: %w", m.Revision, err)
		}
		if err != nil {
			h.Log.Warn("the git host was asked in vain; what it would have told is unknown", "error", err)
		}
		return m.resolve(h.Catalog())
	}
	if short(m.Revision) {
		return nil, ignored("its revision " + m.Revision + " is shortened; the push tells the whole of it: subscribe to pushes too")
	}
	return changes, nil
}

// tell tells people of a merge that is refused for the time of its commit. That is no mistake of the host's, which would switch
// a webhook off that is refused again and again; and it is often somebody's old work that was merged just now.
func (h *Hooks) tell(ctx context.Context, host string, m merge, changes []pipeline.Change, why error) error {
	if !m.committed {
		return why
	}
	reason := fmt.Sprintf("%s of %s: %s. To test it:", m.Revision[:12], m.Repository, why)
	for _, c := range changes {
		reason += fmt.Sprintf("\nbellwether emit --kind %s --name %s --revision %s", c.Kind, c.Name, m.Revision)
	}
	if err := h.Refuse(ctx, m.id(host), "it was not tested", reason); err != nil {
		return fmt.Errorf("tell that %s is not tested: %w", m.Revision, err)
	}
	return ignored(why.Error())
}

// send publishes a change, or takes it straight in.
func (h *Hooks) send(ctx context.Context, name string, m merge, c pipeline.Change, said *answer) error {
	d := m.Detail
	d.Kind, d.Name, d.Repository, d.Paths = string(c.Kind), c.Name, c.Repository, telling(m.Paths)
	if h.Publish != nil {
		id, err := h.Publish(ctx, m.id(name), d)
		if err != nil {
			return fmt.Errorf("publish the change of %s: %w", c.Name, err)
		}
		said.Published = append(said.Published, id)
		return nil
	}
	detail, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode the change of %s: %w", c.Name, err)
	}
	envelope, err := json.Marshal(intake.Envelope{
		Version: "0", ID: m.id(name), DetailType: intake.DetailType, Source: intake.Source + ".webhook." + name,
		Time: m.at.UTC(), Resources: []string{}, Detail: detail,
	})
	if err != nil {
		return fmt.Errorf("encode the event of %s: %w", c.Name, err)
	}
	receipts, err := h.Take(ctx, envelope)
	said.Runs = append(said.Runs, receipts...)
	return final(err)
}

// final tells the sender of an event that will never be taken; people were told already.
func final(err error) error {
	malformed, broken := errors.AsType[*intake.Malformed](err)
	refusal, no := errors.AsType[*pipeline.Refusal](err)
	switch {
	case broken:
		return refuse(http.StatusBadRequest, "%s", malformed.Reason)
	case no:
		return refuse(http.StatusUnprocessableEntity, "%s", refusal.Reason)
	}
	return err
}
