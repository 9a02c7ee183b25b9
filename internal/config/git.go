package config

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"bellwether/internal/strictyaml"
)

// webhooks are the hosts that may call, by kind. Two secrets are good while one replaces the other.
func webhooks(v strictyaml.Value) (hooks map[string]Webhook) {
	v.Object(func(o *strictyaml.Object) {
		hooks = map[string]Webhook{}
		for _, kind := range WebhookHosts {
			o.Get(kind).Object(func(o *strictyaml.Object) {
				host := o.Get("host")
				if !host.Given() && usualHosts[kind] == "" {
					host.Errorf("is missing; write the host that calls, such as %s.example.com", kind)
				}
				if host.Given() && !hostForm.MatchString(host.Text()) {
					host.Errorf("%s is no host; write it as under git, such as gitlab.example.com", host.Quote())
				}
				hooks[kind] = Webhook{
					Secrets: oneOrMore(o.Need("secret", `what the host signs with, such as "${WEBHOOK_SECRET}"`), secretOf(kind)),
					Host:    cmp.Or(host.Text(), usualHosts[kind]),
				}
			})
		}
		if len(hooks) == 0 {
			o.At().Errorf("names no host; write %s under it", strings.Join(WebhookHosts, ", "))
		}
	})
	return hooks
}

// usualHosts are the hosts of each kind that most people use. Gitea has none.
var usualHosts = map[string]string{"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}

func oneOrMore(v strictyaml.Value, read func(strictyaml.Value) Secret) []Secret {
	if v.Plain() {
		return []Secret{read(v)}
	}
	return strictyaml.List(v, read)
}

// secretOf reads what a kind of host signs with.
func secretOf(kind string) func(strictyaml.Value) Secret {
	if kind == "gitlab" {
		return gitlabSecret
	}
	return secret
}

// gitlabSecret is a secret token, or a signing token: whsec_ and a key in base64.
func gitlabSecret(v strictyaml.Value) Secret {
	s := secret(v)
	if key, signs := strings.CutPrefix(s.Reveal(), "whsec_"); signs {
		if _, err := base64.StdEncoding.DecodeString(key); err != nil || key == "" {
			v.Errorf("begins as a signing token, but the rest of it is no base64; copy the whole of it, to the last =") // not quoted
		}
	}
	return s
}

var hostForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?$`)

func git(v strictyaml.Value) map[string]GitHost {
	hosts := map[string]GitHost{}
	for name, v := range v.Entries() {
		if !hostForm.MatchString(name) {
			v.Errorf("is no host; write it as the catalog's repositories begin, such as github.com")
		}
		v.Object(func(o *strictyaml.Object) { hosts[name] = gitHost(name, o) })
	}
	return hosts
}

func gitHost(name string, o *strictyaml.Object) GitHost {
	token, username, api := o.Get("token"), o.Get("username"), o.Get("api")
	h := GitHost{Token: secret(token), Username: username.Text(), URL: cloneURL(o.Get("url")), API: strings.TrimRight(webURL(api), "/")}
	if h.URL == "" {
		h.URL = "https://" + name
	}
	if h.Username == "" {
		h.Username = usualUsername(name)
	}
	if username.Given() && h.Token == "" {
		username.Errorf("does nothing without token; write token too, or leave this out")
	}
	if h.Token != "" && strings.HasPrefix(h.API, "http://") {
		api.Warnf("sends the token for everyone on the way to read; write https")
	}
	return h
}

// usualUsername goes with a token of the host's. Only Bitbucket insists on its own; to the others any will do.
func usualUsername(host string) string {
	if host == "bitbucket.org" {
		return "x-token-auth"
	}
	return "x-access-token"
}

// cloneURL is what a repository's path is put behind.
func cloneURL(v strictyaml.Value) string {
	text := v.Text()
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || !clonable(u) || u.RawQuery != "" || u.Fragment != "" {
		v.Errorf("is no URL to clone from; write for example https://github.com or file:///srv/git; " +
			"a password belongs into token") // may hold one: not quoted
		return ""
	}
	return strings.TrimRight(text, "/")
}

func clonable(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return u.Hostname() != "" && u.User == nil
	case "file":
		return u.Host == "" && strings.HasPrefix(u.Path, "/")
	}
	return false
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// commands refuses to hand on what Bellwether alone may know: a plan runs whatever code a repository has.
func commands(v strictyaml.Value, secrets []Secret, env func(string) (string, bool)) (c Commands) {
	holdsSecret := Detector(secrets...)
	v.Object(func(o *strictyaml.Object) {
		for item := range o.Get("environment").Items() {
			name := item.Text()
			value, set := env(name)
			switch {
			case !variable.MatchString(name):
				item.Errorf("%s is no name of a variable; write the name alone, such as KUBECONFIG", item.Quote())
			case strings.HasPrefix(name, "BELLWETHER_"):
				item.Errorf("%s is Bellwether's own; give commands a variable of another name", item.Quote())
			case holdsSecret(value):
				item.Errorf("%s holds a secret of these settings, which no command may see; give commands one of their own", item.Quote())
			case !set:
				item.Warnf("%s is not set here, so commands do not get it", item.Quote())
			}
			c.Environment = append(c.Environment, name)
			if strictyaml.Confidential(name, value) {
				c.Secrets = append(c.Secrets, Secret(value))
			}
		}
	})
	return c
}
