package peers

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Limits of one PutEvents request.
const (
	maxEntries     = 10
	maxRequestSize = 256 << 10 // bytes, of all entries together
)

// Bus is a double of EventBridge with one bus and one rule. It is strict: a request is refused as AWS refuses it, in AWS's
// words. One difference is meant: an event for a bus that does not exist fails, where AWS answers with an id and drops it
// (https://github.com/aws/aws-sdk/issues/186), for a test should not pass by that.
type Bus struct {
	URL       string
	Name      string
	Region    string
	Account   string
	AccessKey string
	SecretKey string

	matches func(envelope []byte) bool
	forward func(envelope []byte)
}

// EventBridge starts a bus whose rule has the given event pattern. What matches is given to forward, within the request
// that brought it. The bus is an http.Handler too, for a test that wants it behind a server of its own.
func EventBridge(t testing.TB, pattern []byte, forward func(envelope []byte)) *Bus {
	t.Helper()
	matches, err := compilePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	b := &Bus{
		Name: "default", Region: "eu-west-1", Account: "123456789012",
		AccessKey: "AKIDBELLWETHERPEER", SecretKey: rand.Text(),
		matches: matches, forward: forward,
	}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.URL = server.URL
	return b
}

// Config makes AWS clients of this bus.
func (b *Bus) Config() aws.Config {
	return aws.Config{
		Region: b.Region, BaseEndpoint: &b.URL,
		Credentials: credentials.NewStaticCredentialsProvider(b.AccessKey, b.SecretKey, ""),
	}
}

// Route gives an envelope to the rule as if an AWS service had sent it, and tells whether it matched.
func (b *Bus) Route(envelope []byte) bool {
	if !b.matches(envelope) {
		return false
	}
	b.forward(envelope)
	return true
}

// awsError is an error of the AWS JSON 1.1 protocol.
type awsError struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (e *awsError) Error() string { return e.Type + ": " + e.Message }

func (b *Bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", uuid())
	answer, refused := b.serve(r)
	if refused != nil {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(refused)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (b *Bus) serve(r *http.Request) (*putEventsAnswer, *awsError) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 8*maxRequestSize))
	if err != nil {
		return nil, &awsError{"SerializationException", err.Error()}
	}
	caller := signature{b.AccessKey, b.SecretKey, b.Region, "events"}
	if refused := caller.check(r, body, time.Now()); refused != nil {
		return nil, refused
	}
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" ||
		r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		return nil, &awsError{"UnknownOperationException", ""}
	}
	var request struct{ Entries []entry }
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, &awsError{"SerializationException", err.Error()}
	}
	return b.putEvents(request.Entries)
}

// entry is one event of a request; Time is in seconds since 1970.
type entry struct {
	Time                                     *float64
	Source, DetailType, Detail, EventBusName string
	Resources                                []string
}

type (
	putEventsAnswer struct {
		FailedEntryCount int
		Entries          []entryAnswer
	}
	entryAnswer struct {
		EventID      string `json:"EventId,omitempty"`
		ErrorCode    string `json:",omitempty"`
		ErrorMessage string `json:",omitempty"`
	}
)

func (b *Bus) putEvents(entries []entry) (*putEventsAnswer, *awsError) {
	size := 0
	for _, e := range entries {
		size += e.size()
	}
	switch {
	case len(entries) == 0:
		return nil, &awsError{"ValidationException", "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1"}
	case len(entries) > maxEntries:
		return nil, &awsError{"ValidationException", "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10"}
	case size > maxRequestSize:
		return nil, &awsError{"ValidationException", "Total size of the entries in the request is over the limit."}
	}
	answer := &putEventsAnswer{}
	for _, e := range entries {
		one := b.put(e)
		if one.ErrorCode != "" {
			answer.FailedEntryCount++
		}
		answer.Entries = append(answer.Entries, one)
	}
	return answer, nil
}

// size as AWS counts it.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
func (e entry) size() int {
	size := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != nil {
		size += 14
	}
	for _, r := range e.Resources {
		size += len(r)
	}
	return size
}

func (b *Bus) put(e entry) entryAnswer {
	for _, required := range []struct{ name, value string }{
		{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail},
	} {
		if required.value == "" {
			return entryAnswer{
				ErrorCode:    "InvalidArgument",
				ErrorMessage: fmt.Sprintf("Parameter %s is not valid. Reason: %[1]s is a required argument.", required.name),
			}
		}
	}
	bus := e.EventBusName[strings.LastIndex(e.EventBusName, "/")+1:] // a name, or an ARN that ends in it
	switch {
	case bus != "" && bus != b.Name:
		return entryAnswer{ErrorCode: "InvalidArgument", ErrorMessage: fmt.Sprintf("Event bus %s does not exist.", bus)}
	case strings.HasPrefix(e.Source, "aws."):
		return entryAnswer{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	case !isObject(e.Detail):
		return entryAnswer{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	id := uuid()
	b.Route(b.envelope(id, e))
	return entryAnswer{EventID: id}
}

func isObject(detail string) bool {
	return json.Valid([]byte(detail)) && bytes.HasPrefix(bytes.TrimSpace([]byte(detail)), []byte("{"))
}

func (b *Bus) envelope(id string, e entry) []byte {
	at := time.Now()
	if e.Time != nil {
		at = time.Unix(int64(*e.Time), 0)
	}
	envelope, err := json.Marshal(struct {
		Version    string          `json:"version"`
		ID         string          `json:"id"`
		DetailType string          `json:"detail-type"`
		Source     string          `json:"source"`
		Account    string          `json:"account"`
		Time       string          `json:"time"`
		Region     string          `json:"region"`
		Resources  []string        `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
	}{
		"0", id, e.DetailType, e.Source, b.Account, at.UTC().Format(time.RFC3339), b.Region,
		append([]string{}, e.Resources...), json.RawMessage(e.Detail),
	})
	if err != nil {
		panic(err) // the detail was seen to be JSON
	}
	return envelope
}

// uuid is a random one, version 4.
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
