package teams

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/pipeline"
)

// answers is a desk that notes what it is told.
type answers struct {
	mu    sync.Mutex
	said  []string
	who   commands.Caller // who spoke last
	took  time.Duration
	reply commands.Reply
	form  *bot.Form
}

func answering(title string, private bool) *answers {
	return &answers{reply: commands.Reply{Message: bot.Message{Title: title}, Private: private}}
}

func (d *answers) Do(_ context.Context, who commands.Caller, line string) commands.Reply {
	time.Sleep(d.took) // in a synctest bubble, where it takes no time
	d.note(who, line)
	return d.reply
}

func (d *answers) Form(_ context.Context, who commands.Caller, line string) (*bot.Form, commands.Reply) {
	d.note(who, "form for "+line)
	return d.form, d.reply
}

func (d *answers) Preview(_ context.Context, who commands.Caller, link string) (bot.Message, bool) {
	d.note(who, "preview of "+link)
	return d.reply.Message, strings.HasPrefix(link, "https://bellwether.example/")
}

func (d *answers) note(who commands.Caller, line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.who = who
	d.said = append(d.said, line)
}

// tokens gives one after the other: the next when the first is forgotten.
type tokens struct {
	mu   sync.Mutex
	next []string
	err  error
}

func (s *tokens) Token() (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	return &oauth2.Token{AccessToken: s.next[0]}, nil
}

func (s *tokens) Forget(used string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next[0] == used && len(s.next) > 1 {
		s.next = s.next[1:]
	}
}

// letters is an outbox in memory.
type letters struct{ letters map[string]bot.Letter }

func (l *letters) Want(_ context.Context, o bot.Outgoing, _ time.Time) error {
	letter := l.letters[o.ID]
	letter.Outgoing = o
	l.letters[o.ID] = letter
	return nil
}

func (l *letters) Open(_ context.Context, id string) (bot.Letter, error) {
	letter, ok := l.letters[id]
	if !ok {
		return letter, bot.ErrNotFound
	}
	return letter, nil
}

func (l *letters) Note(_ context.Context, _ bot.Lease, id string, d bot.Delivery) error {
	letter := l.letters[id]
	letter.Delivery = d
	l.letters[id] = letter
	return nil
}

// installations in memory.
type installations struct {
	teams map[string]bot.Installation
	kept  int // writes
	err   error
}

func (s *installations) KeepInstallation(_ context.Context, i bot.Installation) error {
	s.kept++
	s.teams[i.Team], s.teams[i.Group] = i, i
	return s.err
}

func (s *installations) Installation(_ context.Context, team string) (bot.Installation, error) {
	i, ok := s.teams[team]
	if !ok && s.err == nil {
		return i, fmt.Errorf("installation in team %s: %w", team, bot.ErrNotFound)
	}
	return i, s.err
}

// seen remembers in memory.
type seen struct {
	mu   sync.Mutex
	keys map[string]bool
	err  error
}

func (s *seen) First(_ context.Context, key string, _ time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false, s.err
	}
	first := !s.keys[key]
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	s.keys[key] = true
	return first, nil
}

// threads are runs by the root of their thread.
type threads map[string]string

func (t threads) RunOf(_ context.Context, _ pipeline.Channel, root string) (string, error) {
	return t[root], nil
}
