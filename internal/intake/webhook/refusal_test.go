package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // what must not be enough
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var examples = map[string]string{"github": "github/push", "gitlab": "gitlab/push", "gitea": "gitea/push", "bitbucket": "bitbucket/push"}

var signatures = []string{"X-Hub-Signature-256", "X-Hub-Signature", "X-Gitlab-Token", "X-Gitea-Signature"}

func TestOnlyTheHostIsHeard(t *testing.T) {
	unsigned := func(d delivery) delivery {
		d.header = d.header.Clone()
		for _, name := range signatures {
			d.header.Del(name)
		}
		return d
	}
	spoiled := map[string]func(delivery) delivery{
		"unsigned":                       unsigned,
		"another secret":                 func(d delivery) delivery { return d.sign("guessed") },
		"the empty secret":               func(d delivery) delivery { return unsigned(d).sign("") },
		"another body, except at GitLab": func(d delivery) delivery { d.body = append(d.body, ' '); return d },
		"the start of the signature": func(d delivery) delivery {
			for _, name := range signatures {
				if v := d.header.Get(name); v != "" {
					d.header.Set(name, v[:len(v)-2])
				}
			}
			return d
		},
		"nothing but a prefix": func(d delivery) delivery {
			d = unsigned(d)
			for _, name := range signatures {
				d.header.Set(name, "sha256=")
			}
			return d
		},
		"SHA-1": func(d delivery) delivery {
			mac := hmac.New(sha1.New, []byte(secret))
			mac.Write(d.body)
			sum := hex.EncodeToString(mac.Sum(nil))
			d = unsigned(d)
			for _, name := range signatures {
				d.header.Set(name, "sha1="+sum)
			}
			return d
		},
	}
	for host, example := range examples {
		for name, spoil := range spoiled {
			if host == "gitlab" && strings.Contains(name, "GitLab") {
				continue // a token signs no body; GitLab's signing token does
			}
			t.Run(host+"/"+name, func(t *testing.T) {
				w := newWorld(t)
				status, said := w.post(t, spoil(recorded(t, example)))
				require.Equal(t, http.StatusUnauthorized, status)
				require.NotContains(t, said.Error, "\n")
				require.NotContains(t, said.Error+w.logged.String(), secret)
				require.Empty(t, w.submitted)
			})
		}
	}
}

func TestBeforeAndAfterASecretIsReplacedBothAreGood(t *testing.T) {
	for host, example := range examples {
		w := newWorld(t)
		status, _ := w.post(t, recorded(t, example).sign("an older secret"))
		require.Equal(t, http.StatusAccepted, status, host)

		w.known(host, Host{Secrets: []string{secret}})
		status, _ = w.post(t, recorded(t, example).sign("an older secret"))
		require.Equal(t, http.StatusUnauthorized, status, host)
	}
}

func TestEachOfGiteasSignaturesIsEnough(t *testing.T) {
	for _, without := range []string{"X-Hub-Signature-256", "X-Gitea-Signature"} {
		d := recorded(t, "gitea/push")
		d.header.Del(without)
		status, _ := newWorld(t).post(t, d)
		require.Equal(t, http.StatusAccepted, status, without)
	}
}

const signingKey = "a key of thirty-two bytes, no more"

// standard signs as GitLab does with a signing token.
func standard(d delivery, key string, at time.Time) delivery {
	d.header = d.header.Clone()
	d.header.Del("X-Gitlab-Token")
	sent := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("msg_1." + sent + "." + string(d.body)))
	d.header.Set("webhook-id", "msg_1")
	d.header.Set("webhook-timestamp", sent)
	d.header.Set("webhook-signature", "v1,c29tZSBvdGhlcg== v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return d
}

func TestGitLabsSigningToken(t *testing.T) {
	now := merged.Add(time.Minute)
	token := "whsec_" + base64.StdEncoding.EncodeToString([]byte(signingKey))
	push := recorded(t, "gitlab/push")
	other := standard(push, signingKey, now)
	other.body = append(bytes.Clone(other.body), ' ')
	plain := push
	plain.header = push.header.Clone()
	plain.header.Set("X-Gitlab-Token", token)
	both := standard(push, "another key", now)
	both.header.Set("X-Gitlab-Token", secret)
	for name, c := range map[string]struct {
		secrets []string
		sent    delivery
		status  int
	}{
		"signed":                            {[]string{token}, standard(push, signingKey, now), http.StatusAccepted},
		"signed, the older key":             {[]string{"whsec_bmV3", token}, standard(push, signingKey, now), http.StatusAccepted},
		"another key":                       {[]string{token}, standard(push, "another key", now), http.StatusUnauthorized},
		"another body":                      {[]string{token}, other, http.StatusUnauthorized},
		"sent again later":                  {[]string{token}, standard(push, signingKey, now.Add(-6*time.Minute)), http.StatusUnauthorized},
		"from the future":                   {[]string{token}, standard(push, signingKey, now.Add(6*time.Minute)), http.StatusUnauthorized},
		"the key as a token":                {[]string{token}, plain, http.StatusUnauthorized},
		"a broken key is none":              {[]string{"whsec_%"}, standard(push, "", now), http.StatusUnauthorized},
		"a token, signed with nothing here": {[]string{secret}, both, http.StatusAccepted},
		"a wrong signature beats a token":   {[]string{token, secret}, both, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.known("gitlab", Host{Secrets: c.secrets})
			status, said := w.post(t, c.sent)
			require.Equal(t, c.status, status, said.Error)
		})
	}
}

func TestWhatIsNoWebhook(t *testing.T) {
	push := recorded(t, "github/push")
	huge := delivery{"github", push.header, bytes.Repeat([]byte(" "), MaxBody+1)}
	form := delivery{"github", push.header.Clone(), []byte("payload=%7B%7D")}.sign(secret)
	form.header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, c := range map[string]struct {
		sent   delivery
		status int
		told   string
	}{
		"huge":                   {huge.sign(secret), http.StatusRequestEntityTooLarge, "5 MiB"},
		"a form":                 {form, http.StatusUnsupportedMediaType, "application/json"},
		"no JSON":                {delivery{"github", push.header, []byte("{")}.sign(secret), http.StatusBadRequest, "not a payload"},
		"another shape":          {delivery{"github", push.header, []byte(`{"ref":7}`)}.sign(secret), http.StatusBadRequest, "not a payload"},
		"no revision":            {push.with(t, `"after": "9f2c1b7e4d3a58c6b0e1f2a3948576c1d2e3f405"`, `"after": "$(reboot)"`), http.StatusBadRequest, "no revision"},
		"a repository elsewhere": {push.with(t, `"html_url": "https://github.com/innerscale/shop"`, `"html_url": "https://github.com/x/../innerscale/shop"`), http.StatusBadRequest, "where its repository is"},
		"no repository":          {push.with(t, `"html_url": "https://github.com/innerscale/shop"`, `"html_url": ""`), http.StatusBadRequest, "where its repository is"},
		"an unknown host":        {delivery{"sourceforge", push.header, push.body}, http.StatusNotFound, "bitbucket, gitea, github, gitlab"},
		"a trick with ref":       {push.with(t, `"ref": "refs/heads/main"`, `"ref": "refs/heads/refs/heads/main"`), http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			status, said := w.post(t, c.sent)
			require.Equal(t, c.status, status)
			require.Contains(t, said.Error, c.told)
			require.Empty(t, w.submitted)
		})
	}
}

func TestAHostWithoutSecretsHearsNobody(t *testing.T) {
	for host, example := range examples {
		w := newWorld(t)
		w.known(host, Host{Secrets: []string{""}})
		status, _ := w.post(t, recorded(t, example).sign(""))
		require.Equal(t, http.StatusUnauthorized, status, host)

		delete(w.Hosts, host)
		status, _ = w.post(t, recorded(t, example))
		require.Equal(t, http.StatusNotFound, status, host)
	}
}

// FuzzWebhook: whatever comes, nothing panics, and nothing is taken that is not signed.
func FuzzWebhook(f *testing.F) {
	events := map[string]string{"github": "X-GitHub-Event", "gitlab": "X-Gitlab-Event", "gitea": "X-Gitea-Event", "bitbucket": "X-Event-Key"}
	for host, example := range examples {
		d := recorded(f, example)
		f.Add(host, d.header.Get(events[host]), d.body, "sha256=00", false)
		f.Add(host, d.header.Get(events[host]), d.body, "", true)
	}
	for _, more := range []string{"github/pull-merged", "gitlab/merge", "gitea/pull-merged", "bitbucket/pull-fulfilled", "bitbucket/server-refs-changed", "bitbucket/server-pull-merged"} {
		d := recorded(f, more)
		f.Add(d.host, d.header.Get(events[d.host]), d.body, "", true)
	}
	f.Fuzz(func(t *testing.T, host, event string, body []byte, signature string, signed bool) {
		w := newHooks()
		d := delivery{host, http.Header{"Content-Type": {"application/json"}}, body}
		d.header.Set(events[host], event)
		for _, name := range append(signatures, "webhook-signature", "webhook-timestamp") {
			d.header.Set(name, signature)
		}
		if signed {
			d = d.sign(secret)
		}
		request := httptest.NewRequest(http.MethodPost, "/webhooks/x", bytes.NewReader(body))
		request.URL.Path = "/webhooks/" + host
		request.Header = d.header
		recorder := httptest.NewRecorder()
		w.Handler().ServeHTTP(recorder, request)
		if !signed && signature != secret && signature != "an older secret" {
			require.Empty(t, w.submitted)
			require.NotEqual(t, http.StatusOK, recorder.Code)
			require.NotEqual(t, http.StatusAccepted, recorder.Code)
		}
		require.NotEqual(t, http.StatusInternalServerError, recorder.Code)
	})
}
