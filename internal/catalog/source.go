package catalog

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

// Source holds the catalog in force and replaces it when its files change. A catalog with mistakes is refused and the old
// one stays. It compares contents instead of listening for file events, because a mounted Kubernetes ConfigMap changes by
// a swapped symbolic link.
type Source struct {
	Every time.Duration // between two looks at the files

	path     string
	env      func(string) (string, bool)
	log      *slog.Logger
	current  atomic.Pointer[pipeline.Catalog]
	problems atomic.Pointer[[]strictyaml.Problem]
	secrets  atomic.Pointer[[]string]
	read     *files // by the last load, good or bad; Watch's own after Open
}

// Open reads the catalog at path for the first time. Without a good catalog there is no Source; problems that are only
// warnings come with one.
func Open(path string, env func(string) (string, bool), log *slog.Logger) (*Source, []strictyaml.Problem) {
	c, problems, read, secrets := load(path, env)
	if c == nil {
		return nil, problems
	}
	s := &Source{Every: 2 * time.Second, path: path, env: env, log: log, read: read}
	s.secrets.Store(&secrets)
	s.current.Store(c)
	s.problems.Store(&[]strictyaml.Problem{})
	return s, problems
}

// Current is the catalog in force.
func (s *Source) Current() *pipeline.Catalog { return s.current.Load() }

// Problems are the mistakes for which the files as they are now were refused; none when they are in force.
func (s *Source) Problems() []strictyaml.Problem { return *s.problems.Load() }

// Secrets are what ${…} stands for in the catalog and nobody may see, and what it stood for before: runs under way still
// use it. They are known before the catalog with them is in force.
func (s *Source) Secrets() []string { return *s.secrets.Load() }

// Watch looks for changes until the context ends. At most one Watch runs on a Source.
func (s *Source) Watch(ctx context.Context) {
	ticker := time.NewTicker(s.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.refresh()
		}
	}
}

func (s *Source) refresh() {
	if !s.read.changed() {
		return
	}
	c, problems, read, secrets := load(s.path, s.env)
	s.read = read
	s.learn(secrets)
	s.tell(c != nil, problems)
	if c == nil {
		mistakes := slices.DeleteFunc(problems, func(p strictyaml.Problem) bool { return p.Warning })
		s.problems.Store(&mistakes)
		return
	}
	s.current.Store(c)
	s.problems.Store(&[]strictyaml.Problem{})
}

func (s *Source) learn(secrets []string) {
	all := slices.Concat(s.Secrets(), secrets)
	slices.Sort(all)
	all = slices.Compact(all)
	s.secrets.Store(&all)
}

func (s *Source) tell(good bool, problems []strictyaml.Problem) {
	for _, p := range problems {
		s.log.Warn("catalog problem", "problem", p.String())
	}
	if good {
		s.log.Info("catalog changed and is in force", "path", s.path)
		return
	}
	s.log.Error("catalog changed and is refused; the one before stays in force", "path", s.path)
}
