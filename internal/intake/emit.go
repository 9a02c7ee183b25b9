package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"bellwether/pipeline"
)

// Source is what Bellwether's own events name as theirs.
const Source = "bellwether"

// Bus is an EventBridge bus to publish on.
type Bus struct {
	Client *eventbridge.Client
	Name   string
}

// Publish puts one change on the bus and returns the event's id.
func (b *Bus) Publish(ctx context.Context, d Detail) (string, error) {
	return b.Put(ctx, DetailType, d)
}

// Put puts one event on the bus and returns its id. AWS answers with an id also for a bus that does not exist. A Denied is
// what no later try would change.
func (b *Bus) Put(ctx context.Context, detailType string, detail any) (string, error) {
	raw, err := json.Marshal(detail)
	if err != nil {
		return "", Denied{fmt.Errorf("encode the event: %w", err)}
	}
	out, err := b.Client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &b.Name, Source: aws.String(Source), DetailType: &detailType, Detail: aws.String(string(raw)),
	}}})
	if err != nil {
		code := ""
		if refused, ok := errors.AsType[smithy.APIError](err); ok {
			code = refused.ErrorCode()
		}
		return "", denied(code, fmt.Errorf("put the event on bus %s: %w", b.Name, err))
	}
	if len(out.Entries) != 1 {
		return "", fmt.Errorf("put the event on bus %s: %d answers to one entry", b.Name, len(out.Entries))
	}
	entry := out.Entries[0]
	if out.FailedEntryCount > 0 || entry.ErrorCode != nil {
		code := aws.ToString(entry.ErrorCode)
		return "", denied(code, fmt.Errorf("bus %s refused the event: %s: %s", b.Name, code, aws.ToString(entry.ErrorMessage)))
	}
	return aws.ToString(entry.EventId), nil
}

// denied marks an error that is about the event itself; what is about rights, limits or AWS may pass.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
func denied(code string, err error) error {
	if slices.Contains([]string{"InvalidArgument", "MalformedDetail", "ValidationException"}, code) {
		return Denied{err}
	}
	return err
}

// Remote is a running Bellwether.
type Remote struct {
	Client *http.Client
	URL    string // of its HTTP listener
	Token  string
	NewID  func() string
	Now    func() time.Time
}

// Publish posts one change and returns what became of it.
func (r *Remote) Publish(ctx context.Context, d Detail) ([]pipeline.Receipt, error) {
	detail, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode the change: %w", err)
	}
	body, err := json.Marshal(Envelope{
		Version: "0", ID: r.NewID(), DetailType: DetailType, Source: Source, Time: r.Now().UTC(), Resources: []string{}, Detail: detail,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the event: %w", err)
	}
	var answer accepted
	err = r.call(ctx, http.MethodPost, "/events", body, &answer)
	return answer.Runs, err
}

// Status asks how a run fares.
func (r *Remote) Status(ctx context.Context, run string) (RunStatus, error) {
	var status RunStatus
	err := r.call(ctx, http.MethodGet, "/events/runs/"+url.PathEscape(run), nil, &status)
	return status, err
}

func (r *Remote) call(ctx context.Context, method, path string, body []byte, into any) error {
	address := strings.TrimSuffix(r.URL, "/") + path
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	request.Header.Set("Authorization", "Bearer "+r.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := r.Client.Do(request)
	if err != nil {
		return unreachable(address, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxEvent))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", address, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return refusal(address, response, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s answered %s, but not as a Bellwether does: %w", address, response.Status, err)
	}
	return nil
}

// unreachable drops what http says again of method and address.
func unreachable(address string, err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	return fmt.Errorf("ask %s: %w; is Bellwether running there?", address, err)
}

// Denied is an answer that asking once more does not change.
type Denied struct{ error }

func (d Denied) Unwrap() error { return d.error }

func refusal(address string, response *http.Response, text []byte) error {
	err := fmt.Errorf("%s answered %s", address, response.Status)
	var f failure
	if json.Unmarshal(text, &f) == nil && f.Error != "" { // else it was somebody before Bellwether: the status has to do
		err = fmt.Errorf("%w: %s", err, f.Error)
	}
	if response.StatusCode < http.StatusInternalServerError {
		return Denied{err}
	}
	return err
}
