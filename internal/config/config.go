// Package config reads bellwether.yaml, the settings of one installation, once, into values that are valid or are refused
// with every problem named; and it keeps secrets out of everything that is printed.
package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bellwether/internal/strictyaml"
)

// Config is one installation's settings.
type Config struct {
	Redis    RedisURL
	HTTP     HTTP
	Intake   Intake
	Git      map[string]GitHost // by host: "github.com"
	Publish  Publish
	Chat     Chat
	Audit    Audit
	Commands Commands
	Catalog  string // a folder, or one file
}

// HTTP is where Bellwether listens.
type HTTP struct {
	Listen    string // host:port
	PublicURL string // what people's browsers reach it by; no slash at the end
	Admin     string // host:port of metrics and debugging; empty when off
	OIDC      *OIDC  // nil: whoever has a link may read the page
}

// OIDC is the identity provider that people log in at before they see a page.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret Secret
	Groups       []string // any of them may read; with Emails, empty: whoever can log in
	Emails       []string // such as *@example.com
}

// Intake is where changes come from; at least one is set.
type Intake struct {
	SQS      *SQS
	HTTP     *HTTPIntake
	Webhooks map[string]Webhook // by kind of Git host, see WebhookHosts
}

// WebhookHosts are the kinds of Git hosts whose webhooks are understood.
var WebhookHosts = []string{"github", "gitlab", "gitea", "bitbucket"}

// SQS is the queue that EventBridge fills.
type SQS struct {
	QueueURL      string
	Region        string // empty: as the AWS command line finds it
	Endpoint      string // empty: AWS itself
	DeadLetterURL string // empty: what is refused stays for the queue's own redrive policy
}

// HTTPIntake takes events by POST /events.
type HTTPIntake struct {
	Token Secret // the bearer token senders show
}

// Publish is where Bellwether tells of its own events.
type Publish struct {
	EventBridge *EventBridge // nil: nowhere
}

// EventBridge is a bus.
type EventBridge struct {
	Bus      string
	Region   string // empty: as the AWS command line finds it
	Endpoint string // empty: AWS itself

	Completed bool // runs that are over are told of too
}

// Webhook is what is known of the Git host of one kind that calls.
type Webhook struct {
	Secrets []Secret // any of them proves that it is the host
	Host    string   // which one: it may tell of its own repositories only; its API, under git, is asked for what it leaves out
}

// GitHost is a host of repositories: how they are cloned from it, and how it is asked about changes.
type GitHost struct {
	Token    Secret // empty: it is asked as anybody may
	Username string // that goes with the token
	URL      string // what a repository's path is put behind to clone it: https or file; no slash at the end
	API      string // base URL of the host's API; empty: where such a host has it
}

// Commands is what the catalog's commands, and Terraform, get besides what the catalog says.
type Commands struct {
	Environment []string // names of variables of Bellwether's own environment
	Secrets     []Secret // those of their values that nobody may see
}

// Chat is where Bellwether speaks; at least one is set.
type Chat struct {
	Slack *Slack
	Teams *Teams
	Web   bool // the local chat page
}

// Audit is how long it is kept what people said to Bellwether.
type Audit struct {
	Keep time.Duration
}

// Load reads the file at path. When strictyaml.Refused says so of the problems, the Config is not fit to run with: it holds
// what could be read, so that a check can go on to the catalog. env is os.LookupEnv but in tests.
func Load(path string, env func(string) (string, bool)) (Config, []strictyaml.Problem) {
	reader := &strictyaml.Reader{Env: env, File: os.ReadFile}
	text, err := os.ReadFile(path)
	if err != nil {
		reader.Add(strictyaml.Problem{File: path, Text: "cannot be read: " + err.Error()})
		return Config{}, reader.Problems()
	}
	c := decode(reader.Parse(path, text), env)
	return c, reader.Problems()
}

// Secrets are all the settings that no one may see, for a Redactor.
func (c Config) Secrets() []Secret {
	list := []Secret{c.Redis.Password()}
	if h := c.Intake.HTTP; h != nil {
		list = append(list, h.Token)
	}
	if s := c.Chat.Slack; s != nil {
		list = append(append(list, s.BotTokens...), s.SigningSecret, s.AppToken)
		if r := s.Rotation; r != nil {
			list = append(append(list, r.RefreshTokens...), r.ClientSecret)
		}
	}
	if p := c.HTTP.OIDC; p != nil {
		list = append(list, p.ClientSecret)
	}
	if t := c.Chat.Teams; t != nil {
		list = append(list, t.AppPassword)
	}
	for _, kind := range WebhookHosts {
		list = append(list, c.Intake.Webhooks[kind].Secrets...)
	}
	for _, host := range slices.Sorted(maps.Keys(c.Git)) {
		list = append(list, c.Git[host].Token)
	}
	return append(list, c.Commands.Secrets...)
}

// beside resolves a path against the file it stands in.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}
