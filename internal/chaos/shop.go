package chaos

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// together is how soon a sender that goes on after another one came must have been there for both to send at once. In order
// nobody comes back so soon: a load begins with a deploy, or another replica stopped in its middle and starts anew.
const together = 200 * time.Millisecond

// services and the environments they are tested in. Each has a team, a channel and a scenario of its own.
var services = map[string][]string{
	"checkout": {"one"},
	"search":   {"two"},
	"billing":  {"one", "two"},
}

var environments = []string{"one", "two"}

func channels() (ids []string) {
	for name := range services {
		ids = append(ids, channelOf(name))
	}
	return ids
}

func channelOf(service string) string { return "C0" + strings.ToUpper(service) }

// shop is what is tested. Every replica and every service has an address of its own there, so that it sees who sends.
type shop struct {
	*httptest.Server
	dir string

	mu       sync.Mutex
	latest   map[string][2]request // by environment: of the present sender, and of the one before
	requests map[string][]time.Time
	overlaps []string
}

type request struct {
	from string // replica and service
	at   time.Time
}

func openShop(t testing.TB, dir string) *shop {
	s := &shop{dir: dir, latest: map[string][2]request{}, requests: map[string][]time.Time{}}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "deploy.sh"), []byte(deployScript), 0o700))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{replica}/{environment}/{service}", func(_ http.ResponseWriter, r *http.Request) {
		s.see(r.PathValue("environment"), request{r.PathValue("replica") + " for " + r.PathValue("service"), time.Now()})
	})
	s.Server = httptest.NewServer(mux)
	return s
}

// see notes a request, and whether its sender and another one send at once.
func (s *shop) see(environment string, r request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[environment] = append(s.requests[environment], r.at)
	present, before := s.latest[environment][0], s.latest[environment][1]
	if present.from == r.from {
		s.latest[environment] = [2]request{r, before}
		return
	}
	if before.from == r.from && r.at.Sub(before.at) < together {
		s.overlaps = append(s.overlaps, fmt.Sprintf("%s: replica %s sends at the same time as replica %s, at %s",
			environment, present.from, r.from, r.at.Format(time.TimeOnly+".000")))
	}
	s.latest[environment] = [2]request{r, present}
}

// deployScript notes every deploy: environment, service, version, begin and end in nanoseconds. Versions called b… are
// broken: their deploy fails when the version is there, and the one before has to be restored.
const deployScript = `#!/bin/sh
set -e
cd "${0%/*}"
began=$(date +%s%N)
sleep 0.3
printf %s "$3" >"$1-$2.$$"
mv "$1-$2.$$" "$1-$2"
echo "$1 $2 $3 $began $(date +%s%N)" >>deploys
case "$3" in b*) echo "$3 does not start" && exit 1 ;; esac
`

// deploy is one that came to its end.
type deploy struct {
	environment, service, version string
	began, ended                  time.Time
}

func (s *shop) deploys() (all []deploy, err error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "deploys"))
	for line := range strings.Lines(string(text)) {
		var d deploy
		var began, ended int64
		if _, err := fmt.Sscan(line, &d.environment, &d.service, &d.version, &began, &ended); err != nil {
			return nil, fmt.Errorf("read %q of the deploys: %w", line, err)
		}
		d.began, d.ended = time.Unix(0, began), time.Unix(0, ended)
		all = append(all, d)
	}
	return all, err
}

// disturbed are the requests that came while somebody deployed, and the loads that met another.
func (s *shop) disturbed() ([]string, error) {
	deploys, err := s.deploys()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := append([]string{}, s.overlaps...)
	for _, d := range deploys {
		n := 0
		for _, at := range s.requests[d.environment] {
			if at.After(d.began.Add(20*time.Millisecond)) && at.Before(d.ended) {
				n++
			}
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%s: %d requests while %s %s was deployed, at %s",
				d.environment, n, d.service, d.version, d.began.Format(time.TimeOnly+".000")))
		}
	}
	return found, err
}

// deployed is the version of a service in an environment; "" for none.
func (s *shop) deployed(environment, service string) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, environment+"-"+service))
	return string(text)
}

// catalogText is the catalog of a replica.
func catalogText(s *shop, replica int) string {
	var teams, things, scenarios, places strings.Builder
	for name, where := range services {
		fmt.Fprintf(&teams, "  %s: {zone: Europe/London, chat: {slack: %s}}\n", name, channelOf(name))
		fmt.Fprintf(&things, "  %s: {team: %s, repositories: [example.com/%s], tags: [service:%s], environments: [%s], "+
			"deploy: {command: {run: [../deploy.sh, \"{{.Environment}}\", \"{{.Service}}\", \"{{.Version}}\"], timeout: 1m}}}\n",
			name, name, name, name, strings.Join(where, ", "))
		fmt.Fprintf(&scenarios, "  %s-load: {tags: [service:%s], load: {rate: 40/s, duration: 2s}, targets: [{name: page, path: /%s}]}\n",
			name, name, name)
	}
	for _, name := range environments {
		fmt.Fprintf(&places, "  %s: {url: \"%s/%d/%s\"}\n", name, s.URL, replica, name)
	}
	return "teams:\n" + teams.String() + "services:\n" + things.String() + "environments:\n" + places.String() +
		"scenarios:\n" + scenarios.String() + "unowned: {slack: " + channelOf("checkout") + "}\n"
}
