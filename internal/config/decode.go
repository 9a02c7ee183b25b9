package config

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"bellwether/internal/strictyaml"
)

const exampleListen = "an address such as 127.0.0.1:8080"

const waysIn = "sqs, http or webhooks under it"

// decode reads the commands' environment last: none of the secrets may be in it.
func decode(v strictyaml.Value, env func(string) (string, bool)) (c Config) {
	v.Object(func(o *strictyaml.Object) {
		c.Redis = redisURL(o.Need("redis", "a URL such as redis://127.0.0.1:6379/0"))
		c.Intake = intake(o.Need("intake", waysIn))
		c.Git = git(o.Get("git"))
		c.Publish = publish(o.Get("publish"))
		c.Chat = chat(o.Need("chat", "slack, teams or web under it"))
		c.HTTP = listeners(o.Need("http", "listen and public_url under it"), c.Chat.Web)
		file := o.Need("catalog", "the folder of the catalog, such as catalog")
		c.Catalog = beside(file.File(), file.Text())
		c.Audit = audit(o.Get("audit"))
		c.Commands = commands(o.Get("commands"), c.Secrets(), env)
	})
	return c
}

// listeners refuses one that others can reach when there is a web chat.
func listeners(v strictyaml.Value, webChat bool) (h HTTP) {
	v.Object(func(o *strictyaml.Object) {
		listen, admin := o.Need("listen", exampleListen), o.Get("admin")
		h = HTTP{
			Listen:    address(listen),
			PublicURL: strings.TrimRight(webURL(o.Need("public_url", "a URL such as https://bellwether.example.com")), "/"),
			Admin:     address(admin),
			OIDC:      oidc(o.Get("oidc")),
		}
		if webChat && h.Listen != "" && !loopback(h.Listen) {
			listen.Errorf("%s is open to others, and the web chat has no login; "+
				"listen on 127.0.0.1, or set chat.web.enabled to false", listen.Quote())
		}
		if h.Admin != "" && clash(h.Listen, h.Admin) {
			admin.Errorf("%s is where http.listen already listens; choose another port", admin.Quote())
		}
	})
	return h
}

func oidc(v strictyaml.Value) (p *OIDC) {
	v.Object(func(o *strictyaml.Object) {
		issuer := o.Need("issuer", "the identity provider's URL, such as https://login.microsoftonline.com/TENANT/v2.0")
		p = &OIDC{
			Issuer:       webURL(issuer),
			ClientID:     o.Need("client_id", "the id that the identity provider gave to Bellwether").Text(),
			ClientSecret: secret(o.Need("client_secret", `the secret that goes with it, such as "${OIDC_CLIENT_SECRET}"`)),
			Groups:       o.Get("groups").Strings(),
			Emails:       strictyaml.List(o.Get("emails"), readers),
		}
	})
	return p
}

var addresses = regexp.MustCompile(`^(\*|[^*@\s]+)@[^*@\s]+$`)

// readers are whom an address stands for: one person, or everybody of a domain.
func readers(v strictyaml.Value) string {
	text := v.Text()
	if text != "" && !addresses.MatchString(text) {
		v.Errorf("%s is no address; write for example dev-sg@example.com, or *@example.com for everybody there", v.Quote())
	}
	return text
}

// longestAudit is for how long what people said can be kept.
const longestAudit = 3650

func audit(v strictyaml.Value) (a Audit) {
	a.Keep = 400 * 24 * time.Hour
	v.Object(func(o *strictyaml.Object) {
		if days := o.Get("keep_days"); days.Given() {
			a.Keep = time.Duration(days.Int(1, longestAudit)) * 24 * time.Hour
		}
	})
	return a
}

func intake(v strictyaml.Value) (in Intake) {
	v.Object(func(o *strictyaml.Object) {
		sqs, http, hooks := o.Get("sqs"), o.Get("http"), o.Get("webhooks")
		sqs.Object(func(o *strictyaml.Object) {
			in.SQS = &SQS{
				QueueURL:      webURL(o.Need("queue_url", "the queue's URL")),
				Region:        o.Get("region").Text(),
				Endpoint:      webURL(o.Get("endpoint")),
				DeadLetterURL: webURL(o.Get("dead_letter_url")),
			}
		})
		http.Object(func(o *strictyaml.Object) {
			in.HTTP = &HTTPIntake{Token: secret(o.Need("token", `a secret such as "${BELLWETHER_EVENTS_TOKEN}"`))}
		})
		in.Webhooks = webhooks(hooks)
		if !sqs.Given() && !http.Given() && !hooks.Given() {
			o.At().Errorf("has no way in; write %s", waysIn)
		}
	})
	return in
}

func publish(v strictyaml.Value) (p Publish) {
	v.Object(func(o *strictyaml.Object) {
		o.Get("eventbridge").Object(func(o *strictyaml.Object) {
			completed := o.Get("completed")
			p.EventBridge = &EventBridge{
				Bus:       cmp.Or(o.Get("bus").Text(), "default"),
				Region:    o.Get("region").Text(),
				Endpoint:  webURL(o.Get("endpoint")),
				Completed: !completed.Given() || completed.Bool(),
			}
		})
	})
	return p
}

func chat(v strictyaml.Value) (c Chat) {
	v.Object(func(o *strictyaml.Object) {
		onSlack, onTeams := o.Get("slack"), o.Get("teams")
		c.Slack, c.Teams = slack(onSlack), teams(onTeams)
		o.Get("web").Object(func(o *strictyaml.Object) {
			c.Web = o.Need("enabled", "true or false").Bool()
		})
		if !onSlack.Given() && !onTeams.Given() && !c.Web {
			o.At().Errorf("has nowhere to speak; write slack or teams under it, or web with enabled: true")
		}
	})
	return c
}

func secret(v strictyaml.Value) Secret { return Secret(v.Text()) }

var database = regexp.MustCompile(`^/?[0-9]*$`)

func redisURL(v strictyaml.Value) RedisURL {
	text := v.Text()
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "redis" && u.Scheme != "rediss") || u.Host == "" || !database.MatchString(u.Path) {
		v.Errorf("is no Redis URL; write redis://127.0.0.1:6379/0, or rediss:// for TLS") // may hold a password: not quoted
	}
	return RedisURL(text)
}

// webURL is a URL of http or https that names a host and nobody.
func webURL(v strictyaml.Value) string {
	text := v.Text()
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		v.Errorf("%s is no plain URL; write for example https://bellwether.example.com", v.Quote())
		return ""
	}
	return text
}

// address is a host and port to listen at; the host may be empty for all.
func address(v strictyaml.Value) string {
	text := v.Text()
	if text == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(text)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		v.Errorf("%s is no address to listen at; write %s", v.Quote(), exampleListen)
		return ""
	}
	return text
}

func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// clash tells whether two listeners want the same port of the same host. Port 0 is a free one each time.
func clash(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	return portA == portB && portA != "0" && (hostA == hostB || everywhere(hostA) || everywhere(hostB))
}

func everywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || (err == nil && ip.IsUnspecified())
}
