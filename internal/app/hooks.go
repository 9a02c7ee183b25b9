package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"bellwether/internal/config"
	"bellwether/internal/intake"
	"bellwether/internal/intake/webhook"
	"bellwether/internal/intake/webhook/diff"
)

// hooks hears the Git hosts of the settings. What they tell goes on the bus, where there is one and a queue that it comes back
// from, else straight in.
func (s *server) hooks() *webhook.Hooks {
	hooks := &webhook.Hooks{
		Hosts: map[string]webhook.Host{}, Catalog: s.catalog.Current, Take: s.intake.Take, Refuse: s.bot.Refuse, Now: s.now, Log: s.log,
	}
	for kind, settings := range s.settings.Intake.Webhooks {
		host := webhook.Host{Name: settings.Host, API: apiOf(kind, settings.Host, s.settings.Git)}
		for _, secret := range settings.Secrets {
			host.Secrets = append(host.Secrets, secret.Reveal())
		}
		hooks.Hosts[kind] = host
	}
	if s.bus != nil && s.settings.Intake.SQS != nil {
		hooks.Publish = func(ctx context.Context, id string, change intake.Detail) (string, error) {
			change.ID = id
			return s.bus.Publish(ctx, change)
		}
	}
	return hooks
}

// asking is the client for APIs of Git hosts: a webhook waits for the answer. What it sends is never sent in the clear when
// it was to be encrypted.
var asking = &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(next *http.Request, before []*http.Request) error {
	if next.URL.Scheme != "https" && before[len(before)-1].URL.Scheme == "https" {
		return errors.New("it redirects from https to " + next.URL.Scheme)
	}
	if len(before) >= 10 {
		return errors.New("it redirects again and again")
	}
	return nil
}}

// apiOf is nil where nothing is known of the host that would open its API.
func apiOf(kind, host string, known map[string]config.GitHost) *diff.API {
	settings := known[host]
	if settings.Token == "" {
		return nil
	}
	return &diff.API{Base: cmp.Or(settings.API, usualAPI(kind, host)), Token: settings.Token.Reveal(), Client: asking}
}

// usualAPI is where hosts of a kind have their API.
func usualAPI(kind, host string) string {
	switch {
	case host == "github.com":
		return "https://api.github.com"
	case host == "bitbucket.org":
		return "https://api.bitbucket.org/2.0"
	}
	return "https://" + host + map[string]string{
		"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1", "bitbucket": "/rest/api/1.0",
	}[kind]
}
