package pipeline

import (
	"maps"
	"slices"
	"time"
)

// Catalog is everything that teams have written down about themselves. It is immutable once loaded: a changed catalog
// is another value.
type Catalog struct {
	People       map[string]Person
	Teams        map[string]Team
	Services     map[string]Service
	Stacks       map[string]Stack
	Environments map[string]Environment
	Scenarios    map[string]Scenario
	FullSuite    FullSuite
	Unowned      []Channel         // where changes that nobody owns are told
	Roles        map[Role][]string // names of people, and groups of a chat platform: "slack-group:T0TEAM/S0PERF"
	Permissions  Permissions
}

// Person is somebody who can be mentioned. An empty identity means the person is not on that platform.
type Person struct {
	Name  string
	Slack string // "T0TEAM/U0DEVSG"
	Teams string // the Entra object id
	Web   string
	Zone  *time.Location // nil when the chat profile decides
}

// Channel is one place in one chat platform.
type Channel struct {
	Platform string `json:"platform"`        // slack, teams or web
	Group    string `json:"group,omitempty"` // the Teams team id; the Slack workspace id, empty where there is only one
	ID       string `json:"id"`
}

// String names the channel in keys, lanes and logs.
func (c Channel) String() string { return c.Platform + ":" + c.ID }

// Same tells whether both are one place: ids are unique on their platform, whatever group was written beside them.
func (c Channel) Same(other Channel) bool { return c.Platform == other.Platform && c.ID == other.ID }

// Team owns services and stacks, and reads what Bellwether says about them.
type Team struct {
	Name     string
	Zone     *time.Location
	Hours    Hours
	Channels []Channel
	Members  []string // names of people
	OnCall   []string // names of people, the first one is asked first
}

// Hours are a team's working hours in its own zone. The zero value means "always".
type Hours struct {
	Days       [7]bool // indexed by time.Weekday
	From, Till time.Duration
}

// Repository is where a service or stack is developed, and which of its changes count.
type Repository struct {
	URL      string   // host/path, no scheme
	Branches []string // default: main
	Paths    []string // globs; default: everything
	Ignore   []string // globs taken away from Paths
}

// Command is a program the catalog tells Bellwether to start, its arguments templates over Values.
type Command struct {
	Run     []string
	Timeout time.Duration
	Dir     string // the folder of the file that names it
}

// Service is deployed from an image.
type Service struct {
	Name         string
	Team         string
	Repositories []Repository
	Image        string // repository of its images, without a tag; empty when it has none
	ImageTag     string // template over Artefact: how an image's tag names its revision
	Tags         []string
	Uses         []string
	Environments []string
	Deploy       *Deploy // nil when others deploy it
	WaitForImage time.Duration
	Budget       time.Duration // how long a run may hold its environment; 0: as long as it takes
	Restore      bool          // a version that regressed is taken back
}

// Stack is infrastructure code, applied as a whole.
type Stack struct {
	Name         string
	Team         string
	Repositories []Repository
	Tags         []string
	Environments []string
	Apply        *Apply // nil when others apply it
}

// Environment is where load is run, one run at a time.
type Environment struct {
	Name       string
	URL        string
	Team       string // looks after it; empty: nobody in particular
	Health     string // a URL that answers 200 to 299 while the environment is well; empty: there is none
	Reset      *Command
	Kubernetes *KubernetesCluster
	ECS        *ECSCluster
	Abort      Abort
	Batch      bool          // changes that wait together are tested together
	MaxWait    time.Duration // a run that waits longer is told; 0: none is
	Confirm    time.Duration // how long a suspicion may be followed up; after that it stays one

	Permissions Permissions // where they are others than everywhere else
}

// Abort says when load does more harm than good. The zero value never ends it.
type Abort struct {
	Errors float64 // a fraction of the requests
	For    time.Duration
}

// FullSuite says from which size on a change runs every scenario. Zero means that size never does.
type FullSuite struct {
	Files, Lines int
	Resources    int // that a plan changes
	Labels       []string
}

// Thing is what Services and Stacks have in common: what can change.
type Thing struct {
	Kind         Kind
	Name         string
	Team         string
	Repositories []Repository
	Tags         []string
	Environments []string
}

// Thing finds the service or stack of that name.
func (c *Catalog) Thing(kind Kind, name string) (Thing, bool) {
	switch kind {
	case KindService:
		s, ok := c.Services[name]
		return Thing{kind, name, s.Team, s.Repositories, s.Tags, s.Environments}, ok
	case KindStack:
		s, ok := c.Stacks[name]
		return Thing{kind, name, s.Team, s.Repositories, s.Tags, s.Environments}, ok
	}
	return Thing{}, false
}

// Things lists everything that can change, services first, each by name.
func (c *Catalog) Things() []Thing {
	var things []Thing
	for _, name := range sortedKeys(c.Services) {
		t, _ := c.Thing(KindService, name)
		things = append(things, t)
	}
	for _, name := range sortedKeys(c.Stacks) {
		t, _ := c.Thing(KindStack, name)
		things = append(things, t)
	}
	return things
}

// Channels are where a team is told; the channel of last resort for an unknown or empty team.
func (c *Catalog) Channels(team string) []Channel {
	if t, ok := c.Teams[team]; ok {
		return t.Channels
	}
	return c.Unowned
}

// TeamOf finds the team whose channel this is.
func (c *Catalog) TeamOf(ch Channel) (Team, bool) {
	for _, name := range sortedKeys(c.Teams) {
		if t := c.Teams[name]; slices.ContainsFunc(t.Channels, ch.Same) {
			return t, true
		}
	}
	return Team{}, false
}

// PersonOf finds whom a platform knows by an id; on Slack the ids are those of a workspace.
func (c *Catalog) PersonOf(platform, workspace, user string) (Person, bool) {
	for _, name := range sortedKeys(c.People) {
		if c.People[name].is(platform, workspace, user) {
			return c.People[name], true
		}
	}
	return Person{}, false
}

func (p Person) is(platform, workspace, user string) bool {
	if user == "" {
		return false
	}
	switch platform {
	case "slack":
		return p.Slack == workspace+"/"+user
	case "teams":
		return p.Teams == user
	case "web":
		return p.Web == user
	}
	return false
}

// OnCall is who of the team is asked first, if anybody.
func (c *Catalog) OnCall(team string) (Person, bool) {
	t := c.Teams[team]
	if len(t.OnCall) == 0 {
		return Person{}, false
	}
	p, ok := c.People[t.OnCall[0]]
	return p, ok
}

// OwnersOf lists the teams whose services a scenario tests.
func (c *Catalog) OwnersOf(scenario string) []string {
	var teams []string
	for _, name := range sortedKeys(c.Services) {
		s := c.Services[name]
		if _, tests := meet(s.Tags, c.Scenarios[scenario].Tags); tests && !slices.Contains(teams, s.Team) {
			teams = append(teams, s.Team)
		}
	}
	return teams
}

// Names of everything that can change.
func (c *Catalog) Names() []string {
	var names []string
	for _, t := range c.Things() {
		names = append(names, t.Name)
	}
	return names
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
