package pipeline

import "time"

// Kind says what sort of thing a change touches.
type Kind string

// The kinds of change.
const (
	KindService Kind = "service" // a new image or revision of a service
	KindStack   Kind = "stack"   // infrastructure code
)

// Change is something a team merged or released, as the event that announced it tells it.
type Change struct {
	EventID    string    `json:"event_id"`
	Kind       Kind      `json:"kind"`
	Name       string    `json:"name"` // the service or stack in the catalog
	Repository string    `json:"repository,omitempty"`
	Revision   string    `json:"revision,omitempty"`
	Version    string    `json:"version,omitempty"` // what people call the revision
	Image      string    `json:"image,omitempty"`   // full reference, with a tag or digest
	Ref        string    `json:"ref,omitempty"`
	Author     string    `json:"author,omitempty"`
	Title      string    `json:"title,omitempty"`
	URL        string    `json:"url,omitempty"`
	Paths      []string  `json:"paths,omitempty"`
	Files      *int      `json:"files,omitempty"` // files changed; nil when the sender does not know
	Lines      *int      `json:"lines,omitempty"` // lines changed; nil when the sender does not know
	Labels     []string  `json:"labels,omitempty"`
	At         time.Time `json:"at"`
}

// Artefact is what of a service or stack is, or shall be, in an environment.
type Artefact struct {
	Revision string `json:"revision,omitempty"`
	Version  string `json:"version,omitempty"`
	Image    string `json:"image,omitempty"`
}

// Artefact is what the change brings into an environment.
func (c Change) Artefact() Artefact {
	return Artefact{Revision: c.Revision, Version: c.Version, Image: c.Image}
}

// thing is the changed thing as inventories and queues name it: "service:checkout".
func (c Change) thing() string { return string(c.Kind) + ":" + c.Name }

// Label is the shortest name people know the artefact by.
func (a Artefact) Label() string {
	switch {
	case a.Version != "":
		return a.Version
	case len(a.Revision) == 40:
		return a.Revision[:7]
	case a.Revision != "":
		return a.Revision
	}
	return a.Image
}
