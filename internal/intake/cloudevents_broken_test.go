package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBrokenCloudEventsAreRefused(t *testing.T) {
	const whole = `{"specversion":"1.0","id":"1","source":"/ci","type":"bellwether.change","data":{"kind":"service","name":"a","revision":"1"}}`
	without := func(old, new string) string { return strings.Replace(whole, old, new, 1) }
	const one, many = "application/cloudevents+json", "application/cloudevents-batch+json"
	for name, c := range map[string]struct{ media, body, want string }{
		"no JSON":          {one, `hello`, "no CloudEvent: invalid character 'h'"},
		"a list":           {one, `[]`, "no CloudEvent: a JSON array does not belong here"},
		"bad time":         {one, without(`"id"`, `"time":"soon","id"`), "no CloudEvent: parsing time"},
		"old version":      {one, without("1.0", "0.3"), `specversion: "0.3" is not 1.0`},
		"no id":            {one, without(`"id":"1"`, `"id":""`), "id: missing"},
		"no source":        {one, without(`"source":"/ci",`, ``), "source: missing"},
		"no type":          {one, without(CloudChange, ``), "type: missing"},
		"no data":          {one, without(`,"data":{"kind":"service","name":"a","revision":"1"}`, ``), "data: missing"},
		"data a text":      {one, without(`{"kind":"service","name":"a","revision":"1"}`, `"text"`), "data: a JSON string does not belong here"},
		"no kind":          {one, without("service", "lambda"), `data.kind: "lambda" is neither service nor stack`},
		"no name":          {one, without(`"name":"a",`, ``), "data: one of name, repository and image is needed"},
		"a secret":         {one, without(`"name":"a"`, `"name":"hunter2"`), "data.name: holds a secret"},
		"XML":              {"application/cloudevents+xml", `<event/>`, "the format application/cloudevents+xml is not understood; send application/cloudevents+json"},
		"no batch":         {many, `{}`, "no batch of CloudEvents: a JSON object does not belong here"},
		"too large batch":  {many, "[" + strings.Repeat(whole+",", maxBatch) + whole + "]", "a batch of 101 CloudEvents; send at most 100 at once"},
		"Azure, no host":   {one, `{"specversion":"1.0","id":"1","source":"/a","type":"` + azurePush + `","data":{"target":{"tag":"1"}}}`, "data: an image needs request.host and target.repository"},
		"Pub/Sub, no data": {one, `{"specversion":"1.0","id":"1","source":"/a","type":"` + googlePubSub + `"}`, "data: missing"},
		"Pub/Sub, base64":  {one, `{"specversion":"1.0","id":"1","source":"/a","type":"` + googlePubSub + `","data":{"message":{"data":"%"}}}`, "data: illegal base64 data"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisit()
			r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(c.body))
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", c.media)
			v.knock(r)
			require.Equal(t, http.StatusBadRequest, v.answer.Code)
			require.Contains(t, reason(t, v.answer), c.want)
			_, refused, counted, _ := v.told()
			require.Len(t, refused, 1, "people are told")
			require.Equal(t, []string{Refused}, counted)
			require.Empty(t, v.changes)
		})
	}
}

func TestHeaders(t *testing.T) {
	v := newVisit()
	r := recorded(t, "binary")
	r.Header.Set("Ce-Id", "100%") // as the CloudEvents project's own library for Go sends it
	v.knock(r)
	require.Equal(t, http.StatusAccepted, v.answer.Code)
	require.Equal(t, cloudEvent{Source: "/ci/checkout build", ID: "100%"}.identity(), v.changes[0].EventID)

	r = recorded(t, "binary")
	r.Header.Set("Ce-Time", "soon")
	v.knock(r)
	require.Equal(t, http.StatusBadRequest, v.answer.Code)
	require.Contains(t, reason(t, v.answer), "ce-time: parsing time")
}

func reason(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var f failure
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &f))
	return f.Error
}

func FuzzCloudEvents(f *testing.F) {
	f.Add("application/cloudevents+json", "", "", []byte(`{"specversion":"1.0","id":"1","source":"/ci","type":"bellwether.change","data":{"kind":"service","name":"a","revision":"1"}}`))
	f.Add("application/cloudevents-batch+json", "", "", []byte(`[{"specversion":"1.0","id":"\u202e","source":"hunter2","type":"x\ny"},1]`))
	f.Add("application/json", CloudChange, "a%20b", []byte(`{"kind":"stack","repository":"r","revision":"hunter2"}`))
	f.Add("", azurePush, "1", []byte(`{"target":{"tag":"1","repository":"a"},"request":{"host":"h"}}`))
	f.Add("", googlePubSub, "1", []byte(`{"message":{"data":"eyJhY3Rpb24iOiJJTlNFUlQiLCJ0YWciOiJoL2E6MSJ9"}}`))
	f.Fuzz(func(t *testing.T, media, kind, id string, body []byte) {
		header := http.Header{"Content-Type": {media}}
		if kind != "" {
			header.Set("Ce-Specversion", "1.0")
			header.Set("Ce-Type", kind)
			header.Set("Ce-Id", id)
			header.Set("Ce-Source", "/fuzz")
		}
		for _, m := range messages(header, bytes.Clone(body)) {
			event, err := m.read(mask, leaks)
			var broken *Malformed
			if err != nil {
				require.True(t, errors.As(err, &broken))
				requireClean(t, broken.Reason)
				continue
			}
			require.NotEmpty(t, event.Change.EventID)
			requireClean(t, event.Change.Name)
			requireClean(t, event.Change.Image)
			requireClean(t, event.Ignored)
		}
	})
}
