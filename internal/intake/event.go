// Package intake takes events in, from SQS and over HTTP, turns an EventBridge envelope into a pipeline.Change and submits
// it. What cannot be understood or may not be tested is refused with a reason, and lost nowhere. It also sends events:
// to EventBridge, or to another Bellwether.
package intake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"bellwether/pipeline"
)

// The detail types that are understood.
const (
	DetailType    = "Bellwether Change"
	ecrDetailType = "ECR Image Action"
)

// Envelope is what EventBridge wraps around an event.
type Envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       time.Time       `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// Detail is a change as its sender tells it.
type Detail struct {
	ID           string   `json:"id,omitempty"` // of the change; stands for the envelope's, since the bus gives every event another
	Kind         string   `json:"kind"`
	Name         string   `json:"name,omitempty"`
	Repository   string   `json:"repository,omitempty"`
	Revision     string   `json:"revision,omitempty"`
	Version      string   `json:"version,omitempty"`
	Image        string   `json:"image,omitempty"`
	Ref          string   `json:"ref,omitempty"`
	Author       string   `json:"author,omitempty"`
	Title        string   `json:"title,omitempty"`
	URL          string   `json:"url,omitempty"`
	Paths        []string `json:"paths,omitempty"`
	FilesChanged *int     `json:"files_changed,omitempty"`
	LinesChanged *int     `json:"lines_changed,omitempty"`
	Labels       []string `json:"labels,omitempty"`
}

// ecrDetail is Amazon ECR's "ECR Image Action".
type ecrDetail struct {
	Result     string `json:"result"`
	Action     string `json:"action-type"`
	Repository string `json:"repository-name"`
	Tag        string `json:"image-tag"`
	Digest     string `json:"image-digest"` // what the tag meant at the push; it may be moved later
}

// Event is a decoded envelope.
type Event struct {
	Change pipeline.Change
	// Ignored says why the event is no change, though nothing is wrong with it; empty for a change.
	Ignored string
	// Broadcast: the event was not meant for Bellwether alone, so that nobody owning it is no mistake.
	Broadcast bool
}

// Malformed says why an event could not be understood. The reason is fit to be shown: bounded, on one line, redacted.
type Malformed struct{ Reason string }

func (m *Malformed) Error() string { return m.Reason }

// MaxEvent is the most that EventBridge and SQS take as one event, in bytes.
const MaxEvent = 1 << 20

// Decode understands an EventBridge envelope. Errors are *Malformed. Every text of the change, and of the reason, is
// bounded and on one line. What is only read by people went through redact; what says which change it is stays as it is, or
// another change would be tested, and is refused when it holds what secret knows.
func Decode(body []byte, redact func(string) string, secret func(string) bool) (Event, error) {
	event, err := decode(body)
	return admit(event, err, "detail", redact, secret)
}

// admit cleans what was decoded, and refuses what must not go on. Part is where the event has what its sender told.
func admit(event Event, err error, part string, redact func(string) string, secret func(string) bool) (Event, error) {
	if err == nil {
		leak := harmless(part, &event.Change, secret)
		clean(&event.Change, redact)
		event.Ignored = show(event.Ignored, redact)
		err = cmp.Or(event.validate(part), leak, harmless(part, &event.Change, secret)) // again, for those that a line break hid
	}
	if err != nil {
		return Event{}, &Malformed{show(err.Error(), redact)}
	}
	return event, nil
}

func decode(body []byte) (event Event, err error) {
	if len(body) > MaxEvent {
		return Event{}, fmt.Errorf("an event has at most %d KiB", MaxEvent>>10)
	}
	var e Envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("no EventBridge envelope: %w", plainly("", err))
	}
	switch e.DetailType {
	case DetailType:
		event, err = changed("detail", e.Detail)
	case ecrDetailType:
		event, err = e.image()
	default:
		return Event{}, fmt.Errorf("detail-type: %q is neither %q nor %q", e.DetailType, DetailType, ecrDetailType)
	}
	event.Change.EventID, event.Change.At = cmp.Or(event.Change.EventID, e.ID), e.Time
	return event, err
}

// changed is the event of a change as its sender told it.
func changed(part string, detail json.RawMessage) (Event, error) {
	var d Detail
	if err := unwrap(part, detail, &d); err != nil {
		return Event{}, err
	}
	return Event{Change: pipeline.Change{
		EventID: d.ID, Kind: pipeline.Kind(d.Kind), Name: d.Name, Repository: d.Repository, Revision: d.Revision, Version: d.Version,
		Image: d.Image, Ref: d.Ref, Author: d.Author, Title: d.Title, URL: d.URL, Paths: d.Paths,
		Files: d.FilesChanged, Lines: d.LinesChanged, Labels: d.Labels,
	}}, nil
}

// image understands a push to Amazon ECR. An untagged push is a platform's manifest of a tagged one, and is ignored.
func (e Envelope) image() (Event, error) {
	var d ecrDetail
	if err := unwrap("detail", e.Detail, &d); err != nil {
		return Event{}, err
	}
	if d.Action != "PUSH" || d.Result != "SUCCESS" || d.Tag == "" {
		return Event{Ignored: "not a successful push of a tag"}, nil
	}
	if d.Repository == "" || e.Account == "" || e.Region == "" {
		return Event{}, errors.New("an image needs account, region and detail.repository-name")
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(e.Region, "cn-") {
		domain += ".cn"
	}
	return pushed(fmt.Sprintf("%s.dkr.ecr.%s.%s/%s:%s", e.Account, e.Region, domain, d.Repository, d.Tag), d.Digest), nil
}

// pushed is the event of an image that came into a registry; what its tag means now may be known.
func pushed(image, digest string) Event {
	if digest != "" {
		image += "@" + digest
	}
	return Event{Change: pipeline.Change{Kind: pipeline.KindService, Image: image}, Broadcast: true}
}

func unwrap(part string, raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return fmt.Errorf("%s: missing", part)
	}
	return plainly(part, json.Unmarshal(raw, into))
}

// plainly says which field is wrong in the words of the event, not of our structs.
func plainly(parent string, err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		parent = strings.Trim(parent+"."+mismatch.Field, ".")
		err = fmt.Errorf("a JSON %s does not belong here", mismatch.Value)
	}
	if err == nil || parent == "" {
		return err
	}
	return fmt.Errorf("%s: %w", parent, err)
}

// validate looks at the cleaned texts, since of some nothing is left.
func (e Event) validate(part string) error {
	c := e.Change
	switch {
	case c.EventID == "":
		return errors.New("id: missing")
	case e.Ignored != "":
		return nil
	case c.Kind != pipeline.KindService && c.Kind != pipeline.KindStack:
		return fmt.Errorf("%s.kind: %q is neither service nor stack", part, c.Kind)
	case c.Name == "" && c.Repository == "" && c.Image == "":
		return fmt.Errorf("%s: one of name, repository and image is needed", part)
	case c.Revision == "" && c.Image == "":
		return fmt.Errorf("%s: one of revision and image is needed", part)
	case negative(c.Files) || negative(c.Lines):
		return fmt.Errorf("%s: files_changed and lines_changed cannot be negative", part)
	}
	return nil
}

func negative(n *int) bool { return n != nil && *n < 0 }
