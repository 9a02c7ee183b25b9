package intake

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// mask is a redactor with one secret.
func mask(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }

// leaks tells whether a text holds that secret.
func leaks(s string) bool { return strings.Contains(s, "hunter2") }

// change is an envelope around a detail.
func change(detail string) string {
	return `{"version":"0","id":"e-1","detail-type":"Bellwether Change","source":"ci","account":"123456789012",
		"time":"2026-11-23T09:00:00Z","region":"eu-west-1","resources":[],"detail":` + detail + `}`
}

// push is an envelope as Amazon ECR sends it.
func push(region, detail string) string {
	return `{"version":"0","id":"e-2","detail-type":"ECR Image Action","source":"aws.ecr","account":"123456789012",
		"time":"2026-11-23T09:00:00Z","region":"` + region + `","resources":[],"detail":` + detail + `}`
}

func TestDecodeChange(t *testing.T) {
	event, err := Decode([]byte(change(`{"kind":"stack","name":"platform","repository":"gitlab.example/platform","revision":"1f6c",
		"version":"v7","image":"r/i:1","ref":"refs/heads/main","author":"Mei","title":"Bigger disks","url":"https://gitlab.example/mr/7?a=b",
		"paths":["a.tf","b.tf"],"files_changed":2,"lines_changed":0,"labels":["load:full"],"unknown":{"is":"fine"}}`)), mask, leaks)
	require.NoError(t, err)
	two, none := 2, 0
	require.Equal(t, Event{Change: pipeline.Change{
		EventID: "e-1", Kind: pipeline.KindStack, Name: "platform", Repository: "gitlab.example/platform", Revision: "1f6c",
		Version: "v7", Image: "r/i:1", Ref: "refs/heads/main", Author: "Mei", Title: "Bigger disks",
		URL: "https://gitlab.example/mr/7?a=b", Paths: []string{"a.tf", "b.tf"}, Files: &two, Lines: &none,
		Labels: []string{"load:full"}, At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
	}}, event)
}

func TestDecodeLeastThatIsNeeded(t *testing.T) {
	for _, detail := range []string{
		`{"kind":"service","name":"checkout","revision":"1"}`,
		`{"kind":"service","repository":"github.com/a/b","revision":"1"}`,
		`{"kind":"service","image":"r/i:1"}`,
		`{"kind":"service","name":"checkout","image":"r/i:1"}`,
	} {
		event, err := Decode([]byte(change(detail)), mask, leaks)
		require.NoError(t, err, detail)
		require.Nil(t, event.Change.Files, "a size that is not told is unknown, not 0")
		require.False(t, event.Broadcast)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"nothing":             {``, "no EventBridge envelope: unexpected end of JSON input"},
		"no JSON":             {`hello`, "no EventBridge envelope: invalid character 'h' looking for beginning of value"},
		"a list":              {`[]`, "no EventBridge envelope: a JSON array does not belong here"},
		"null":                {`null`, `detail-type: "" is neither "Bellwether Change" nor "ECR Image Action"`},
		"two events":          {change(`{}`) + change(`{}`), "no EventBridge envelope: invalid character '{' after top-level value"},
		"id a number":         {`{"id":1}`, "no EventBridge envelope: id: a JSON number does not belong here"},
		"no time":             {`{"time":"soon"}`, "no EventBridge envelope: parsing time"},
		"no id":               {strings.Replace(change(`{"kind":"service","name":"a","revision":"1"}`), `"e-1"`, `""`, 1), "id: missing"},
		"invisible id":        {strings.Replace(change(`{"kind":"service","name":"a","revision":"1"}`), `"e-1"`, `" \u0000"`, 1), "id: missing"},
		"other detail type":   {strings.Replace(change(`{}`), "Bellwether Change", "Order Placed", 1), `detail-type: "Order Placed" is neither`},
		"no detail":           {`{"id":"e","detail-type":"Bellwether Change"}`, "detail: missing"},
		"detail a text":       {change(`"{}"`), "detail: a JSON string does not belong here"},
		"detail null":         {change(`null`), `detail.kind: "" is neither service nor stack`},
		"unknown kind":        {change(`{"kind":"lambda","name":"a","revision":"1"}`), `detail.kind: "lambda" is neither service nor stack`},
		"nothing named":       {change(`{"kind":"service","revision":"1"}`), "detail: one of name, repository and image is needed"},
		"invisible name":      {change(`{"kind":"service","name":" \n","revision":"1"}`), "detail: one of name, repository and image is needed"},
		"nothing new":         {change(`{"kind":"service","name":"a"}`), "detail: one of revision and image is needed"},
		"negative files":      {change(`{"kind":"service","name":"a","revision":"1","files_changed":-1}`), "detail: files_changed and lines_changed cannot be negative"},
		"negative lines":      {change(`{"kind":"service","name":"a","revision":"1","lines_changed":-1}`), "cannot be negative"},
		"files a text":        {change(`{"kind":"service","name":"a","revision":"1","files_changed":"2"}`), "detail.files_changed: a JSON string does not belong here"},
		"half a file":         {change(`{"kind":"service","name":"a","revision":"1","files_changed":2.5}`), "detail.files_changed: a JSON number 2.5 does not belong here"},
		"one path":            {change(`{"kind":"service","name":"a","revision":"1","paths":"a.go"}`), "detail.paths: a JSON string does not belong here"},
		"push, no repository": {push("eu-west-1", `{"result":"SUCCESS","action-type":"PUSH","image-tag":"1"}`), "an image needs account, region and detail.repository-name"},
		"push, no region":     {push("", `{"result":"SUCCESS","action-type":"PUSH","repository-name":"a","image-tag":"1"}`), "an image needs account"},
		"push, no detail":     {`{"id":"e","detail-type":"ECR Image Action"}`, "detail: missing"},
		"a secret":            {strings.Replace(change(`{}`), "Bellwether Change", `hunter2\nhunter2`, 1), `detail-type: "***\n***" is neither`},
	} {
		t.Run(name, func(t *testing.T) {
			event, err := Decode([]byte(c.body), mask, leaks)
			var broken *Malformed
			require.ErrorAs(t, err, &broken)
			require.Contains(t, broken.Reason, c.want)
			require.Zero(t, event)
		})
	}
}

func TestDecodeImages(t *testing.T) {
	const pushed = `{"result":"SUCCESS","repository-name":"shop/checkout","image-digest":"sha256:0f","action-type":"PUSH","image-tag":"v7"}`
	for name, c := range map[string]struct{ body, image string }{
		"pushed":           {push("eu-west-1", pushed), "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/checkout:v7@sha256:0f"},
		"pushed in China":  {push("cn-north-1", pushed), "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/checkout:v7@sha256:0f"},
		"digest not told":  {push("eu-west-1", strings.Replace(pushed, `"image-digest":"sha256:0f",`, "", 1)), "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/checkout:v7"},
		"without a tag":    {push("eu-west-1", strings.Replace(pushed, `"v7"`, `""`, 1)), ""},
		"tag not told":     {push("eu-west-1", strings.Replace(pushed, `,"image-tag":"v7"`, "", 1)), ""},
		"deleted":          {push("eu-west-1", strings.Replace(pushed, "PUSH", "DELETE", 1)), ""},
		"push that failed": {push("eu-west-1", strings.Replace(pushed, "SUCCESS", "FAILURE", 1)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			event, err := Decode([]byte(c.body), mask, leaks)
			require.NoError(t, err)
			require.Equal(t, "e-2", event.Change.EventID)
			require.Equal(t, c.image, event.Change.Image)
			if c.image == "" {
				require.NotEmpty(t, event.Ignored)
				return
			}
			require.Empty(t, event.Ignored)
			require.True(t, event.Broadcast)
			require.Equal(t, pipeline.KindService, event.Change.Kind)
		})
	}
}

// What is only read loses its secrets; what says which change it is stays as it is.
func TestDecodeCleansEveryText(t *testing.T) {
	event, err := Decode([]byte(`{"id":"@","detail-type":"Bellwether Change","detail":{"kind":"service","name":"@","repository":"@",
		"revision":"@","version":"@","image":"@","ref":"@","author":"@","title":"@","url":"https://x.example/@","paths":["@"],"labels":["@"]}}`), redactAt, leaks)
	require.NoError(t, err)
	raw, err := json.Marshal(event.Change)
	require.NoError(t, err)
	require.JSONEq(t, `{"event_id":"@","kind":"service","name":"@","repository":"@","revision":"@","version":"@","image":"@","ref":"@",
		"author":"***","title":"***","url":"https://x.example/***","paths":["***"],"labels":["***"],"at":"0001-01-01T00:00:00Z"}`, string(raw))
}

// A part of a name that looks like that of a setting must not cost an image its tag: another image would be deployed.
func TestDecodeKeepsWhatWouldBeDeployed(t *testing.T) {
	const image = "registry.example/shop/token-service:abc123"
	byShape := strings.NewReplacer("token-service:abc123", "token-service:***", "token:1", "token:***").Replace
	event, err := Decode([]byte(change(`{"kind":"service","name":"token-service","image":"`+image+`","version":"token:1","title":"token:1"}`)),
		byShape, leaks)
	require.NoError(t, err)
	require.Equal(t, image, event.Change.Image)
	require.Equal(t, "token:1", event.Change.Version)
	require.Equal(t, "token:***", event.Change.Title)
}

func TestDecodeRefusesASecretInAnIdentity(t *testing.T) {
	secret := func(s string) bool {
		return leaks(s) || strings.Contains(s, "two\nlines") || strings.Contains(s, "12 34")
	}
	for _, key := range []string{"name", "repository", "revision", "version", "image", "ref"} {
		for _, text := range []string{`x/hunter2:1`, `two\nlines`, `12\n34`} {
			detail := `{"kind":"service","name":"a","revision":"1","` + key + `":"` + text + `"}`
			_, err := Decode([]byte(change(detail)), mask, secret)
			var broken *Malformed
			require.ErrorAs(t, err, &broken)
			require.Contains(t, broken.Reason, "detail."+key+": holds a secret of Bellwether's own settings")
			require.NotContains(t, broken.Reason, "hunter2")
		}
	}
}

func TestDecodeRefusesAnEventThatIsTooLarge(t *testing.T) {
	body := change(`{"kind":"service","name":"a","revision":"1"}`)
	_, err := Decode([]byte(body+strings.Repeat(" ", MaxEvent-len(body)+1)), mask, leaks)
	require.EqualError(t, err, "an event has at most 1024 KiB")
}

func redactAt(s string) string { return strings.ReplaceAll(s, "@", "***") }

func TestTextsAreShown(t *testing.T) {
	long := strings.Repeat("é", maxText)
	for name, c := range map[string]struct{ in, want string }{
		"plain":                 {"Cart: faster lookup", "Cart: faster lookup"},
		"blanks around":         {" \t checkout\r\n", "checkout"},
		"lines":                 {"one\ntwo\u2028three\u2029four", "one two three four"},
		"control characters":    {"a\x00b\x1b[31mc\u0085d", "a b [31mc d"},
		"turned around":         {"image\u202egpj.exe\u2066", "image gpj.exe"},
		"no UTF-8":              {"a\xffb", "a b"},
		"another script, emoji": {"ready 👩‍💻 変更", "ready 👩‍💻 変更"},
		"just short enough":     {long, long},
		"too long":              {long + "é", long[:len(long)-len("é")] + "…"},
		"secret":                {"token hunter2!", "token ***!"},
		"secret at the cut":     {strings.Repeat("x", maxText-5) + "hunter2 and more", strings.Repeat("x", maxText-5) + "*** …"},
		"secret over a line":    {"PIN 12\n34", "PIN ***"},
		"secret with a line":    {"key-a\nkey-b", "***"},
	} {
		t.Run(name, func(t *testing.T) {
			redact := strings.NewReplacer("hunter2", "***", "12 34", "***", "key-a\nkey-b", "***").Replace
			require.Equal(t, c.want, show(c.in, redact))
		})
	}
}

func TestLinks(t *testing.T) {
	for in, want := range map[string]string{
		"https://git.example/a/b?c=d#e":   "https://git.example/a/b?c=d#e",
		"http://127.0.0.1:8080/x":         "http://127.0.0.1:8080/x",
		"https://git.example/a b|c>":      "https://git.example/a%20b%7Cc%3E",
		"javascript:alert(1)":             "",
		"data:text/html,x":                "",
		"//git.example/a":                 "",
		"https:///a":                      "",
		"https://mei:token@git.example/a": "",
		"git@git.example:a/b.git":         "",
		"%":                               "",
		"":                                "",
		show("https://x/"+strings.Repeat("y", 2*maxText), mask): "",
	} {
		require.Equal(t, want, link(in), in)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(change(`{"kind":"service","name":"a","revision":"1","paths":["a\nb"],"files_changed":3,"url":"https://x/"}`)))
	f.Add([]byte(change(`{"kind":"stack","repository":"r","revision":"hunter2","title":"\u202e\ud800"}`)))
	f.Add([]byte(push("cn-north-1", `{"result":"SUCCESS","repository-name":"a","action-type":"PUSH","image-tag":"1"}`)))
	f.Add([]byte(push("eu-west-1", `{"result":"SUCCESS","action-type":"DELETE"}`)))
	f.Add([]byte(`{"id":1e999,"time":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := Decode(body, mask, leaks)
		if err != nil {
			var broken *Malformed
			require.True(t, errors.As(err, &broken))
			require.NotEmpty(t, broken.Reason)
			requireClean(t, broken.Reason)
			return
		}
		c := event.Change
		require.NotEmpty(t, c.EventID)
		require.True(t, event.Ignored != "" || c.Revision != "" || c.Image != "")
		for _, text := range append(append([]string{
			c.EventID, c.Name, c.Repository, c.Revision, c.Version, c.Image, c.Ref, c.Author,
			c.Title,
		}, c.Paths...), c.Labels...) {
			requireClean(t, text)
		}
		require.Equal(t, c.URL, link(c.URL))
	})
}

func requireClean(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text))
	require.LessOrEqual(t, utf8.RuneCountInString(text), maxText)
	require.NotContains(t, text, "hunter2")
	require.False(t, strings.ContainsFunc(text, unicode.IsControl), "%q", text)
}

// The pattern that users deploy lets through what is understood here, and no more than that.
func TestDeployedPattern(t *testing.T) {
	const pushed = `{"result":"SUCCESS","repository-name":"a","action-type":"PUSH","image-tag":"1"}`
	for name, c := range map[string]struct {
		body string
		want bool
	}{
		"change":                   {change(`{}`), true},
		"change of another source": {strings.Replace(change(`{}`), `"ci"`, `"jenkins"`, 1), true},
		"push":                     {push("eu-west-1", pushed), true},
		"delete":                   {push("eu-west-1", strings.Replace(pushed, "PUSH", "DELETE", 1)), false},
		"failure":                  {push("eu-west-1", strings.Replace(pushed, "SUCCESS", "FAILURE", 1)), false},
		"push of another source":   {strings.Replace(push("eu-west-1", pushed), "aws.ecr", "ci", 1), false},
		"another type":             {strings.Replace(change(`{}`), "Change", "Changes", 1), false},
		"another type of ECR":      {strings.Replace(push("eu-west-1", pushed), "Action", "Scan", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, bus(t, func([]byte) {}).Route([]byte(c.body)))
		})
	}
}

func pattern(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "deploy", "eventbridge", "pattern.json"))
	require.NoError(t, err)
	return raw
}
