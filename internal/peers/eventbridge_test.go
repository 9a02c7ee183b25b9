package peers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/stretchr/testify/require"
)

// catcher is a bus and what it forwarded.
func catcher(t *testing.T, pattern string) (*Bus, func() []map[string]any) {
	t.Helper()
	got := make(chan []byte, 100)
	bus := EventBridge(t, []byte(pattern), func(envelope []byte) { got <- envelope })
	return bus, func() []map[string]any {
		var all []map[string]any
		for len(got) > 0 {
			var one map[string]any
			require.NoError(t, json.Unmarshal(<-got, &one))
			all = append(all, one)
		}
		return all
	}
}

func event(source, detail string) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{Source: &source, DetailType: aws.String("Greeting"), Detail: &detail}
}

func put(bus *Bus, entries ...types.PutEventsRequestEntry) (*eventbridge.PutEventsOutput, error) {
	return eventbridge.NewFromConfig(bus.Config()).PutEvents(context.Background(), &eventbridge.PutEventsInput{Entries: entries})
}

func TestBusForwardsTheEnvelopeOfWhatMatches(t *testing.T) {
	bus, forwarded := catcher(t, `{"source": ["ci"]}`)
	mine := event("ci", `{"hello": "<world>"}`)
	mine.Time, mine.Resources = aws.Time(time.Unix(1795424400, 0)), []string{"arn:one"}
	mine.EventBusName = aws.String("arn:aws:events:eu-west-1:123456789012:event-bus/default")

	out, err := put(bus, mine, event("other", `{}`))
	require.NoError(t, err)
	require.Zero(t, out.FailedEntryCount)
	require.Len(t, out.Entries, 2)
	require.NotEqual(t, *out.Entries[0].EventId, *out.Entries[1].EventId)
	require.Equal(t, []map[string]any{{
		"version": "0", "id": *out.Entries[0].EventId, "detail-type": "Greeting", "source": "ci", "account": "123456789012",
		"time": "2026-11-23T09:00:00Z", "region": "eu-west-1", "resources": []any{"arn:one"}, "detail": map[string]any{"hello": "<world>"},
	}}, forwarded())
}

func TestBusStampsWhatHasNoTime(t *testing.T) {
	bus, forwarded := catcher(t, `{"source": ["ci"]}`)
	_, err := put(bus, event("ci", `{}`))
	require.NoError(t, err)
	got := forwarded()[0]
	at, err := time.Parse(time.RFC3339, got["time"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	require.Equal(t, []any{}, got["resources"])
}

func TestBusRefusesEntries(t *testing.T) {
	none := event("ci", `{}`)
	none.DetailType = nil
	elsewhere := event("ci", `{}`)
	elsewhere.EventBusName = aws.String("gone")
	for name, c := range map[string]struct {
		entry         types.PutEventsRequestEntry
		code, message string
	}{
		"no detail type":  {none, "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."},
		"no detail":       {event("ci", ""), "InvalidArgument", "Detail is a required argument"},
		"broken detail":   {event("ci", `{"a":`), "MalformedDetail", "Detail is malformed."},
		"detail a list":   {event("ci", `[1]`), "MalformedDetail", "Detail is malformed."},
		"detail a number": {event("ci", ` 1`), "MalformedDetail", "Detail is malformed."},
		"of AWS":          {event("aws.ecr", `{}`), "NotAuthorizedForSourceException", "Not authorized for the source."},
		"unknown bus":     {elsewhere, "InvalidArgument", "Event bus gone does not exist."},
	} {
		t.Run(name, func(t *testing.T) {
			bus, forwarded := catcher(t, `{"version": ["0"]}`)
			out, err := put(bus, c.entry, event("ci", `{"good": true}`))
			require.NoError(t, err, "the request as a whole is good")
			require.EqualValues(t, 1, out.FailedEntryCount)
			require.Nil(t, out.Entries[0].EventId)
			require.Equal(t, c.code, aws.ToString(out.Entries[0].ErrorCode))
			require.Contains(t, aws.ToString(out.Entries[0].ErrorMessage), c.message)
			require.NotEmpty(t, out.Entries[1].EventId)
			require.Len(t, forwarded(), 1)
		})
	}
}

func TestBusLimits(t *testing.T) {
	bus, forwarded := catcher(t, `{"version": ["0"]}`)
	sized := func(bytes int) types.PutEventsRequestEntry {
		frame := len("ci") + len("Greeting") + len(`{"a":""}`)
		return event("ci", `{"a":"`+strings.Repeat("x", bytes-frame)+`"}`)
	}
	eleven := make([]types.PutEventsRequestEntry, 11)
	for i := range eleven {
		eleven[i] = event("ci", `{}`)
	}
	_, err := put(bus, eleven...)
	require.ErrorContains(t, err, "ValidationException")
	require.ErrorContains(t, err, "length less than or equal to 10")
	_, err = put(bus, sized(200<<10), sized(56<<10+1))
	require.ErrorContains(t, err, "Total size of the entries in the request is over the limit.")
	timed := sized(maxRequestSize)
	timed.Time = aws.Time(time.Now())
	_, err = put(bus, timed)
	require.ErrorContains(t, err, "over the limit", "a time has 14 bytes")
	_, err = put(bus, []types.PutEventsRequestEntry{}...)
	require.Error(t, err)
	require.Empty(t, forwarded())

	_, err = put(bus, eleven[:10]...)
	require.NoError(t, err)
	_, err = put(bus, sized(200<<10), sized(56<<10))
	require.NoError(t, err)
	require.Len(t, forwarded(), 12)
}

// request is a signed PutEvents request, by hand, so that it can be spoilt.
func request(t *testing.T, bus *Bus, at time.Time, region, service string, headers map[string]string) *http.Request {
	t.Helper()
	body := `{"Entries":[{"Source":"ci","DetailType":"Greeting","Detail":"{}"}]}`
	r, err := http.NewRequest(http.MethodPost, bus.URL, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	hash := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: bus.AccessKey, SecretAccessKey: bus.SecretKey}
	require.NoError(t, v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(hash[:]), service, region, at))
	return r
}

func send(t *testing.T, r *http.Request) (int, awsError) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "application/x-amz-json-1.1", response.Header.Get("Content-Type"))
	var refused awsError
	require.NoError(t, json.NewDecoder(response.Body).Decode(&refused))
	return response.StatusCode, refused
}

func TestBusChecksSignatures(t *testing.T) {
	other := `{"Entries":[{"Source":"cj","DetailType":"Greeting","Detail":"{}"}]}` // as long as the signed one
	for name, c := range map[string]struct {
		age             time.Duration
		region, service string
		spoil           func(r *http.Request)
		code, message   string
	}{
		"good":              {},
		"four minutes old":  {age: 4 * time.Minute},
		"six minutes old":   {age: 6 * time.Minute, code: "InvalidSignatureException", message: "Signature expired: "},
		"six minutes early": {age: -6 * time.Minute, code: "InvalidSignatureException", message: "Signature not yet current: "},
		"other region":      {region: "us-east-1", code: "InvalidSignatureException", message: "Credential should be scoped to a valid region."},
		"other service":     {service: "sqs", code: "InvalidSignatureException", message: "correct service: 'events'"},
		"other body": {
			spoil: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(other)) },
			code:  "InvalidSignatureException", message: "The request signature we calculated does not match",
		},
		"other host": {
			spoil: func(r *http.Request) { r.Host = "events.example.com" },
			code:  "InvalidSignatureException", message: "The request signature we calculated does not match",
		},
		"other query": {
			spoil: func(r *http.Request) { r.URL.RawQuery = "a=b" },
			code:  "InvalidSignatureException", message: "The request signature we calculated does not match",
		},
		"signed header changed": {
			spoil: func(r *http.Request) { r.Header.Set("X-Amz-Target", "AWSEvents.DeleteRule") },
			code:  "InvalidSignatureException", message: "The request signature we calculated does not match",
		},
		"header added": {
			spoil: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "mine") },
			code:  "InvalidSignatureException", message: "'x-amz-security-token' must be a 'SignedHeader'",
		},
		"unknown key": {
			spoil: func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "=AKID", "=AKIX", 1))
			},
			code: "UnrecognizedClientException", message: "The security token included in the request is invalid.",
		},
		"other day": {
			spoil: func(r *http.Request) { r.Header.Set("X-Amz-Date", time.Now().AddDate(0, 0, -1).UTC().Format(amzDate)) },
			code:  "InvalidSignatureException", message: "Date in Credential scope does not match",
		},
		"no signature": {
			spoil: func(r *http.Request) { r.Header.Del("Authorization") },
			code:  "MissingAuthenticationTokenException", message: "Missing Authentication Token",
		},
		"half a signature": {
			spoil: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") },
			code:  "IncompleteSignatureException",
		},
	} {
		t.Run(name, func(t *testing.T) {
			bus, forwarded := catcher(t, `{"version": ["0"]}`)
			r := request(t, bus, time.Now().Add(-c.age), cmp.Or(c.region, bus.Region), cmp.Or(c.service, "events"), nil)
			if c.spoil != nil {
				c.spoil(r)
			}
			status, refused := send(t, r)
			require.Equal(t, c.code, refused.Type)
			require.Contains(t, refused.Message, c.message)
			if c.code == "" {
				require.Equal(t, http.StatusOK, status)
				require.Len(t, forwarded(), 1)
				return
			}
			require.Equal(t, http.StatusBadRequest, status)
			require.Empty(t, forwarded())
		})
	}
}

func TestBusRefusesAWrongSecret(t *testing.T) {
	bus, forwarded := catcher(t, `{"version": ["0"]}`)
	wrong := *bus
	wrong.SecretKey = "guessed"
	_, err := put(&wrong, event("ci", `{}`))
	require.ErrorContains(t, err, "InvalidSignatureException")
	require.Empty(t, forwarded())
}

func TestBusSpeaksItsProtocolOnly(t *testing.T) {
	for name, headers := range map[string]map[string]string{
		"other operation": {"X-Amz-Target": "AWSEvents.PutRule"},
		"other protocol":  {"Content-Type": "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			bus, forwarded := catcher(t, `{"version": ["0"]}`)
			_, refused := send(t, request(t, bus, time.Now(), bus.Region, "events", headers))
			require.Equal(t, "UnknownOperationException", refused.Type)
			require.Empty(t, forwarded())
		})
	}
}

func TestBusRoutesWhatAWSServicesSend(t *testing.T) {
	bus, forwarded := catcher(t, `{"source": ["aws.ecr"]}`)
	require.False(t, bus.Route([]byte(`{"source": "aws.ec2"}`)))
	require.True(t, bus.Route([]byte(`{"source": "aws.ecr"}`)))
	require.Len(t, forwarded(), 1)
	require.False(t, bus.Route([]byte(`no JSON`)))
}
