package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// CloudChange is the type of a change as a CloudEvent; its data is a Detail.
const CloudChange = "bellwether.change"

// Types of other clouds' events that are understood.
const (
	azurePush    = "Microsoft.ContainerRegistry.ImagePushed"
	googlePubSub = "google.cloud.pubsub.topic.v1.messagePublished"
)

// maxBatch is how many CloudEvents may come in one request.
const maxBatch = 100

// cloudEvent is a CloudEvent 1.0 in its JSON format. Of its attributes only those that are needed are read.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
type cloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Time        time.Time       `json:"time"` // zero when it is not told
	Data        json.RawMessage `json:"data"`
	Base64      []byte          `json:"data_base64"`
}

// messages are the events of a request: CloudEvents, one in its headers or its body or several in a batch, or an envelope.
func messages(header http.Header, body []byte) []message {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type")) // a broken one is as none
	switch {
	case media == "application/cloudevents-batch+json":
		return batchOf(body)
	case media == "application/cloudevents+json":
		return []message{structured(body)}
	case strings.HasPrefix(media, "application/cloudevents"):
		return []message{unreadable(body, "the format %s is not understood; send application/cloudevents+json", media)}
	case header.Get("Ce-Specversion") != "":
		return []message{binary(header, body)}
	case header.Get("Aeg-Event-Type") != "":
		return []message{unreadable(body, "Event Grid's own schema is not understood; choose Cloud Event Schema v1.0 in the event subscription")}
	}
	return []message{envelope(body)}
}

// consent lets a broker send that asks whether it may. It needs no token: whatever is then sent does.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection
func consent(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "POST, OPTIONS")
	if origin := r.Header.Get("WebHook-Request-Origin"); origin != "" {
		w.Header().Set("WebHook-Allowed-Origin", origin)
		w.Header().Set("WebHook-Allowed-Rate", "*")
	}
	w.WriteHeader(http.StatusOK)
}

// batchOf is one message for each event of a batch.
func batchOf(body []byte) []message {
	var all []json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return []message{unreadable(body, "no batch of CloudEvents: %w", plainly("", err))}
	}
	if len(all) > maxBatch {
		return []message{unreadable(body, "a batch of %d CloudEvents; send at most %d at once", len(all), maxBatch)}
	}
	list := []message{}
	for _, one := range all {
		list = append(list, structured(one))
	}
	return list
}

// structured is an event whose attributes are in the body.
func structured(body []byte) message {
	var e cloudEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return unreadable(body, "no CloudEvent: %w", plainly("", err))
	}
	if e.Base64 != nil {
		e.Data = e.Base64
	}
	return e.message(body)
}

// binary is an event whose attributes are in headers. Many senders forget to percent-encode them: what cannot be decoded
// is taken as it is.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values
func binary(header http.Header, body []byte) message {
	attribute := func(name string) string {
		value := header.Get(name)
		if decoded, err := url.PathUnescape(value); err == nil {
			return decoded
		}
		return value
	}
	e := cloudEvent{
		SpecVersion: attribute("Ce-Specversion"), ID: attribute("Ce-Id"), Source: attribute("Ce-Source"), Type: attribute("Ce-Type"),
		Data: body,
	}
	if at := attribute("Ce-Time"); at != "" {
		var err error
		if e.Time, err = time.Parse(time.RFC3339, at); err != nil {
			return unreadable(body, "ce-time: %w", err)
		}
	}
	return e.message(fmt.Appendf(nil, "%q %q %q %s", e.Source, e.ID, e.Type, body))
}

func (e cloudEvent) message(body []byte) message {
	return message{body, func(redact func(string) string, secret func(string) bool) (Event, error) {
		event, err := e.decode()
		return admit(event, err, "data", redact, secret)
	}}
}

// unreadable is a message that cannot be read, and why.
func unreadable(body []byte, format string, args ...any) message {
	err := fmt.Errorf(format, args...)
	return message{body, func(redact func(string) string, secret func(string) bool) (Event, error) {
		return admit(Event{}, err, "data", redact, secret)
	}}
}

// decode understands an event. A broker may send much to one address: what is well-formed and no change is ignored.
func (e cloudEvent) decode() (event Event, err error) {
	if e.SpecVersion != "1.0" {
		return Event{}, fmt.Errorf("specversion: %q is not 1.0", e.SpecVersion)
	}
	for _, required := range []field{{"id", &e.ID}, {"source", &e.Source}, {"type", &e.Type}} {
		if *required.text == "" {
			return Event{}, fmt.Errorf("%s: missing", required.key)
		}
	}
	switch e.Type {
	case CloudChange:
		event, err = changed("data", e.Data)
	case azurePush:
		event, err = azureImage(e.Data)
	case googlePubSub:
		event, err = publishedMessage(e.Data)
	default:
		event.Ignored = fmt.Sprintf("type %q is no change", e.Type)
	}
	event.Change.EventID, event.Change.At = e.identity(), e.Time
	return event, err
}

// identity is short however long source and id are, and no other event's: only both together are unique.
func (e cloudEvent) identity() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", e.Source, e.ID))
	return "ce-" + hex.EncodeToString(sum[:16])
}

// azureImage understands a push to Azure Container Registry. One without a tag is a platform's manifest of a tagged one.
// https://learn.microsoft.com/azure/event-grid/event-schema-container-registry
func azureImage(data json.RawMessage) (Event, error) {
	var d struct {
		Target struct {
			Repository string `json:"repository"`
			Tag        string `json:"tag"`
			Digest     string `json:"digest"`
		} `json:"target"`
		Request struct {
			Host string `json:"host"` // the registry's login server
		} `json:"request"`
	}
	if err := unwrap("data", data, &d); err != nil {
		return Event{}, err
	}
	if d.Target.Tag == "" {
		return Event{Ignored: "not a push of a tag"}, nil
	}
	if d.Target.Repository == "" || d.Request.Host == "" {
		return Event{}, errors.New("data: an image needs request.host and target.repository")
	}
	return pushed(d.Request.Host+"/"+d.Target.Repository+":"+d.Target.Tag, d.Target.Digest), nil
}

// publishedMessage understands what Eventarc brings from a Pub/Sub topic: a change, or a notification of Artifact Registry.
// https://cloud.google.com/artifact-registry/docs/configure-notifications
func publishedMessage(data json.RawMessage) (Event, error) {
	var d struct {
		Message struct {
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if err := unwrap("data", data, &d); err != nil {
		return Event{}, err
	}
	told := d.Message.Data
	var keys map[string]json.RawMessage
	_ = json.Unmarshal(told, &keys) // what is no JSON object has none of the keys
	switch {
	case keys["kind"] != nil:
		return changed("data", told)
	case keys["action"] != nil:
		return googleImage(told)
	}
	return Event{Ignored: "the message is neither a change nor a registry's notification"}, nil
}

func googleImage(data json.RawMessage) (Event, error) {
	var d struct {
		Action string `json:"action"`
		Digest string `json:"digest"` // HOST/PATH@DIGEST
		Tag    string `json:"tag"`    // HOST/PATH:TAG
	}
	if err := unwrap("data", data, &d); err != nil {
		return Event{}, err
	}
	if d.Action != "INSERT" || d.Tag == "" {
		return Event{Ignored: "not a push of a tag"}, nil
	}
	_, digest, _ := strings.Cut(d.Digest, "@")
	return pushed(d.Tag, digest), nil
}
