package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"

	webchat "bellwether/internal/chat/web"
	"bellwether/internal/intake"
	"bellwether/pipeline"
)

// handler is what the world sees.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	if door := s.settings.Intake.HTTP; door != nil {
		events := (&intake.Door{Intake: s.intake, Token: door.Token.Reveal(), Load: s.store.Load, RunURL: s.pages.RunURL}).Handler()
		mux.Handle("/events", events)
		mux.Handle("/events/", events)
	}
	if s.slack != nil && s.settings.Chat.Slack.SigningSecret != "" {
		mux.Handle("/slack/", s.slack.Handler(s.desk))
	}
	if s.teams != nil {
		mux.Handle("/teams/", s.teams.Handler(s.desk))
	}
	if len(s.settings.Intake.Webhooks) > 0 {
		mux.Handle("/webhooks/", s.hooks().Handler())
	}
	for _, path := range []string{"/runs/", "/charts/", "/records/", "/pictures/", "/oidc/"} {
		mux.Handle(path, s.pages.Handler())
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", s.ready(s.settings.HTTP.Admin == ""))
	if s.webchat != nil {
		mux.Handle("/", s.webchat.Handler(s.chatRoom()))
	}
	return mux
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready   bool   `json:"ready"`
	Catalog string `json:"catalog"`
	*health
}

// health is only told to the operator, once there is a listener for that.
type health struct {
	Redis    string   `json:"redis"`
	Problems []string `json:"catalog_problems"`
}

// ready answers 200 while changes can be taken in. A refused catalog is told, and the old one stays in force: still 200.
func (s *server) ready(detailed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := health{Redis: "ok", Problems: []string{}}
		for _, p := range s.catalog.Problems() {
			h.Problems = append(h.Problems, p.String())
		}
		state := readiness{Ready: true, Catalog: "ok"}
		if n := len(h.Problems); n > 0 {
			state.Catalog = fmt.Sprintf("refused, problems: %d; the old one stays in force", n)
		}
		if err := s.redis.Ping(r.Context()).Err(); err != nil {
			s.log.Error("redis does not answer", "error", err)
			state.Ready, h.Redis = false, "does not answer"
		}
		if detailed {
			state.health = &h
		}
		w.Header().Set("Content-Type", "application/json")
		if !state.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = printJSON(w, state) // the asker has gone: nothing is left to tell it
	}
}

// admin is what only the operator sees.
func (s *server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.HandleFunc("GET /readyz", s.ready(true))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// chatRoom is the chat page's surroundings, from the catalog.
func (s *server) chatRoom() webchat.Room {
	room := s.room
	room.Hosts, room.Desk = loopbackHosts(s.settings.HTTP.Listen), s.desk
	c := s.catalog.Current()
	for _, team := range c.Teams {
		room.Channels = append(room.Channels, webChannels(team.Channels)...)
	}
	room.Channels = append(room.Channels, webChannels(c.Unowned)...)
	slices.Sort(room.Channels)
	room.Channels = slices.Compact(room.Channels)
	for _, person := range c.People {
		if person.Web != "" {
			room.People = append(room.People, person)
		}
	}
	slices.SortFunc(room.People, func(a, b pipeline.Person) int { return strings.Compare(a.Name, b.Name) })
	for _, u := range s.desk.Usage() {
		room.Hints = append(room.Hints, webchat.Hint{Usage: u.Usage, Does: u.Help})
	}
	return room
}

func webChannels(channels []pipeline.Channel) []string {
	var ids []string
	for _, c := range channels {
		if c.Platform == "web" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// loopbackHosts are the names a browser on this machine may call the chat page by.
func loopbackHosts(listen string) []string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil // settings are validated: never here
	}
	return []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}
}
