package pipeline

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/bmatcuk/doublestar/v4"
)

// Refusal says why a change may not be tested. It is final: the same event will be refused again.
type Refusal struct {
	Reason  string
	Unowned bool // well-formed, but nobody in the catalog owns it
}

func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refusal{Reason: fmt.Sprintf(format, args...)} }

// Resolve finds out what a change is a change of, and refuses what the catalog does not allow: name, repository and image
// must agree, the ref must be one of the branches. A repository shared by several services yields one change for each
// whose paths it touches; none when it touches only ignored paths. What one of them forbids, another may allow.
func (c *Catalog) Resolve(change Change) ([]Change, error) {
	if err := change.check(); err != nil {
		return nil, err
	}
	things, err := c.candidates(change)
	if err != nil {
		return nil, err
	}
	var changes []Change
	var refused error
	allowed := false
	for _, thing := range things {
		concerned, err := c.concerns(thing, change)
		refused, allowed = cmp.Or(refused, err), allowed || err == nil
		if concerned {
			changes = append(changes, change.of(thing))
		}
	}
	if !allowed {
		return nil, refused
	}
	return changes, nil
}

// check refuses a change that does not say what it changes, or what it brings.
func (c Change) check() error {
	switch {
	case c.Revision == "" && c.Image == "":
		return refuse("revision: missing; a change names the revision or the image it brings")
	case c.Name == "" && c.Repository == "" && c.Image == "":
		return refuse("name: missing; a change names what changes, or its repository or image")
	}
	if _, tag := splitImage(c.Image); c.Image != "" && tag == "" {
		return refuse("image: %q has neither a tag nor a digest", c.Image)
	}
	return nil
}

// of is the change as one of the thing; one that is only known by its image takes its revision from there.
func (c Change) of(thing Thing) Change {
	c.Kind, c.Name = thing.Kind, thing.Name
	if c.Revision == "" {
		_, c.Revision = splitImage(c.Image)
	}
	return c
}

// candidates are what the change can be about, by name, else by repository, else by image. Of several in one repository an
// image tells which one is meant.
func (c *Catalog) candidates(change Change) ([]Thing, error) {
	if change.Name != "" {
		thing, ok := c.Thing(change.Kind, change.Name)
		if !ok {
			return nil, &Refusal{Reason: fmt.Sprintf("name: the catalog has no %s %q", change.Kind, change.Name), Unowned: true}
		}
		return []Thing{thing}, nil
	}
	var things []Thing
	for _, thing := range c.Things() {
		byRepository := change.Repository != "" && len(thing.entries(change.Repository)) > 0
		byImage := change.Repository == "" && change.Image != "" && c.ownsImage(thing, change.Image)
		if (change.Kind == "" || thing.Kind == change.Kind) && (byRepository || byImage) {
			things = append(things, thing)
		}
	}
	if len(things) == 0 {
		return nil, &Refusal{Reason: "nothing in the catalog has " + change.sought(), Unowned: true}
	}
	others := func(t Thing) bool { return !c.ownsImage(t, change.Image) }
	if owners := slices.DeleteFunc(slices.Clone(things), others); len(owners) > 0 {
		return owners, nil
	}
	return things, nil
}

// sought is what a change without a name is known by.
func (c Change) sought() string {
	if c.Repository != "" {
		return fmt.Sprintf("repository %q", c.Repository)
	}
	return fmt.Sprintf("image %q", c.Image)
}

// concerns tells whether the thing is meant by the change; an error when the change claims what the catalog forbids.
func (c *Catalog) concerns(thing Thing, change Change) (bool, error) {
	if change.Image != "" && !c.ownsImage(thing, change.Image) {
		return false, refuse("image: %q is not in the image repository of %s", change.Image, thing.Name)
	}
	if change.Repository == "" {
		err := thing.admit(change.Ref, thing.Repositories...)
		return err == nil, err
	}
	entries := thing.entries(change.Repository)
	if len(entries) == 0 {
		return false, refuse("repository: %q is not one of %s", change.Repository, thing.Name)
	}
	if err := thing.admit(change.Ref, entries...); err != nil {
		return false, err
	}
	return slices.ContainsFunc(entries, func(r Repository) bool {
		return r.hasBranch(change.Ref) && r.touchedBy(change.Paths)
	}), nil
}

// entries are a thing's for one repository: of some branches other paths may count.
func (t Thing) entries(url string) (entries []Repository) {
	for _, r := range t.Repositories {
		if canonicalURL(r.URL) == canonicalURL(url) {
			entries = append(entries, r)
		}
	}
	return entries
}

// repositoryURL parts https://user@host:port/path.git, and git@host:path, into host and path.
var repositoryURL = regexp.MustCompile(`^(?:[a-z+]+://)?(?:[^@/]*@)?([^:/]+)(?::\d+/|[:/])/*(.+?)(?:\.git)?/*$`)

// canonicalURL is host/path in lower case. Forges serve one repository at several ports, so they make no difference.
func canonicalURL(url string) string {
	return repositoryURL.ReplaceAllString(strings.ToLower(url), "$1/$2")
}

// admit refuses a ref that is a branch of none of the repositories. A thing without repositories has no branches to hold it to.
func (t Thing) admit(ref string, repositories ...Repository) error {
	if len(repositories) == 0 || slices.ContainsFunc(repositories, func(r Repository) bool { return r.hasBranch(ref) }) {
		return nil
	}
	var branches []string
	for _, r := range repositories {
		branches = append(branches, r.Branches...)
	}
	slices.Sort(branches)
	known := strings.Join(slices.Compact(branches), ", ")
	return refuse("ref: %q is not one of the branches of %s (%s)", strings.TrimPrefix(ref, "refs/heads/"), t.Name, known)
}

// hasBranch tells whether a ref is one of the branches that count, or none is told.
func (r Repository) hasBranch(ref string) bool {
	return ref == "" || slices.Contains(r.Branches, strings.TrimPrefix(ref, "refs/heads/"))
}

func (r Repository) touchedBy(paths []string) bool {
	if len(paths) == 0 {
		return true
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		return (len(r.Paths) == 0 || matches(r.Paths, path)) && !matches(r.Ignore, path)
	})
}

func matches(globs []string, path string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := doublestar.Match(glob, path)
		return err == nil && ok
	})
}

func (c *Catalog) ownsImage(thing Thing, image string) bool {
	if thing.Kind != KindService {
		return false
	}
	repository := c.Services[thing.Name].Image
	name, _ := splitImage(image)
	return repository != "" && name == repository
}

// splitImage parts a reference into its repository and its tag, or its digest when it has no tag.
func splitImage(image string) (repository, tag string) {
	repository, digest, _ := strings.Cut(image, "@")
	if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") {
		repository, tag = repository[:i], repository[i+1:]
	}
	return repository, cmp.Or(tag, digest)
}

// Pinned is an image by its digest alone where that is known: what is deployed, however its tag is moved.
func Pinned(image string) string {
	name, digest, pinned := strings.Cut(image, "@")
	if !pinned {
		return image
	}
	repository, _ := splitImage(name)
	return repository + "@" + digest
}

// identity is what joins a merge and its image: the tag that the revision's image has, for a service with images; else the
// revision. A tag that names no revision may be pushed again with other content (latest), so there its digest counts too.
func (c *Catalog) identity(change Change) string {
	service := c.Services[change.Name]
	repository, tag := splitImage(change.Image)
	read := tag == change.Revision // off the image: it is no revision of the repository
	switch {
	case change.Kind != KindService:
		return change.Revision
	case service.ImageTag == "" && read:
		return strings.TrimLeft(change.Image[len(repository):], ":@")
	case service.ImageTag == "" || read:
		return change.Revision
	}
	t, err := template.New("image_tag").Parse(service.ImageTag)
	if err != nil {
		return change.Revision
	}
	var named strings.Builder
	if err := t.Execute(&named, change.Artefact()); err != nil {
		return change.Revision // it does not fit this revision: slice of one that is too short
	}
	return named.String()
}
