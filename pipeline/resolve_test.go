package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// forge is a catalog of what is developed where.
func forge() *pipeline.Catalog {
	repository := func(url string, branches ...string) pipeline.Repository {
		return pipeline.Repository{URL: url, Branches: branches, Paths: []string{"**"}}
	}
	mono := func(branch, folder string) []pipeline.Repository {
		return []pipeline.Repository{{
			URL: "github.com/innerscale/mono", Branches: []string{branch}, Paths: []string{folder + "/**"}, Ignore: []string{"**/*.md"},
		}}
	}
	return &pipeline.Catalog{
		Services: map[string]pipeline.Service{
			"checkout": {
				Name: "checkout", Image: "registry.example:5000/shop/checkout", ImageTag: "{{.Revision}}",
				Repositories: []pipeline.Repository{repository("github.com/Innerscale/Checkout", "main", "release/2")},
			},
			"cart":     {Name: "cart", Image: "registry.example:5000/shop/cart", Repositories: mono("main", "cart")},
			"catalog":  {Name: "catalog", Image: "registry.example:5000/shop/catalog", Repositories: mono("main", "catalog")},
			"prices":   {Name: "prices", Repositories: mono("stable", "prices")},
			"vendored": {Name: "vendored"},
		},
		Stacks: map[string]pipeline.Stack{
			"platform": {Name: "platform", Repositories: []pipeline.Repository{repository("gitlab.innerscale.example/infra/platform", "main")}},
		},
	}
}

const sha = "0123456789abcdef0123456789abcdef01234567"

func TestResolve(t *testing.T) {
	const service, stack = pipeline.KindService, pipeline.KindStack
	for name, c := range map[string]struct {
		change pipeline.Change
		names  []string
	}{
		"by name":         {pipeline.Change{Kind: service, Name: "checkout", Revision: sha}, []string{"checkout"}},
		"by repository":   {pipeline.Change{Kind: service, Repository: "github.com/innerscale/checkout", Revision: sha}, []string{"checkout"}},
		"https":           {pipeline.Change{Kind: service, Repository: "https://github.com/innerscale/checkout.git", Revision: sha}, []string{"checkout"}},
		"https with user": {pipeline.Change{Kind: service, Repository: "https://bot:pw@GitHub.com/innerscale/checkout/", Revision: sha}, []string{"checkout"}},
		"https with port": {pipeline.Change{Kind: stack, Repository: "https://gitlab.innerscale.example:8443/infra/platform", Revision: sha}, []string{"platform"}},
		"scp":             {pipeline.Change{Kind: service, Repository: "git@github.com:innerscale/checkout.git", Revision: sha}, []string{"checkout"}},
		"scp, no user":    {pipeline.Change{Kind: service, Repository: "github.com:innerscale/checkout", Revision: sha}, []string{"checkout"}},
		"ssh":             {pipeline.Change{Kind: stack, Repository: "ssh://git@gitlab.innerscale.example:2222/infra/platform.git/", Revision: sha}, []string{"platform"}},
		"short ref":       {pipeline.Change{Kind: service, Name: "checkout", Repository: "github.com/innerscale/checkout", Ref: "release/2", Revision: sha}, []string{"checkout"}},
		"full ref":        {pipeline.Change{Kind: service, Repository: "github.com/innerscale/checkout", Ref: "refs/heads/main", Revision: sha}, []string{"checkout"}},
		"kind unsaid":     {pipeline.Change{Repository: "gitlab.innerscale.example/infra/platform", Revision: sha}, []string{"platform"}},
		"by image":        {pipeline.Change{Kind: service, Image: "registry.example:5000/shop/checkout:1.4"}, []string{"checkout"}},
		"all in agreement": {pipeline.Change{
			Kind: service, Name: "checkout", Repository: "github.com/innerscale/checkout", Revision: sha,
			Image: "registry.example:5000/shop/checkout:1.4@sha256:ab",
		}, []string{"checkout"}},
		"monorepo, unknown paths":   {pipeline.Change{Repository: "github.com/innerscale/mono", Ref: "main", Revision: sha}, []string{"cart", "catalog"}},
		"monorepo, some paths":      {pipeline.Change{Repository: "github.com/innerscale/mono", Revision: sha, Paths: []string{"cart/README.md", "catalog/x/main.go", "go.mod"}}, []string{"catalog"}},
		"monorepo, several":         {pipeline.Change{Repository: "github.com/innerscale/mono", Revision: sha, Paths: []string{"cart/a.go", "prices/b.go"}}, []string{"cart", "prices"}},
		"monorepo, ignored paths":   {pipeline.Change{Repository: "github.com/innerscale/mono", Revision: sha, Paths: []string{"cart/README.md", "LICENSE"}}, nil},
		"monorepo, another branch":  {pipeline.Change{Repository: "github.com/innerscale/mono", Ref: "stable", Revision: sha}, []string{"prices"}},
		"monorepo, image of one":    {pipeline.Change{Repository: "github.com/innerscale/mono", Image: "registry.example:5000/shop/cart:7"}, []string{"cart"}},
		"name outside its paths":    {pipeline.Change{Kind: service, Name: "cart", Repository: "github.com/innerscale/mono", Revision: sha, Paths: []string{"catalog/a.go"}}, nil},
		"paths without repository":  {pipeline.Change{Kind: service, Name: "cart", Revision: sha, Paths: []string{"catalog/a.go"}}, []string{"cart"}},
		"ref without a repository":  {pipeline.Change{Kind: service, Name: "checkout", Revision: sha, Ref: "refs/heads/release/2"}, []string{"checkout"}},
		"ref of nothing to check":   {pipeline.Change{Kind: service, Name: "vendored", Revision: sha, Ref: "wip"}, []string{"vendored"}},
		"kind narrows a repository": {pipeline.Change{Kind: service, Repository: "github.com/innerscale/mono", Revision: sha, Ref: "main"}, []string{"cart", "catalog"}},
	} {
		t.Run(name, func(t *testing.T) {
			changes, err := forge().Resolve(c.change)
			require.NoError(t, err)
			var names []string
			for _, ch := range changes {
				names = append(names, ch.Name)
				require.NotEmpty(t, ch.Kind)
				require.NotEmpty(t, ch.Revision)
			}
			require.Equal(t, c.names, names)
		})
	}
}

// One repository may be listed several times: of its branches other paths count.
func TestResolveUnitesTheEntriesOfARepository(t *testing.T) {
	const url = "github.com/innerscale/shop"
	catalog := &pipeline.Catalog{Services: map[string]pipeline.Service{"cart": {Name: "cart", Repositories: []pipeline.Repository{
		{URL: url, Branches: []string{"main"}, Paths: []string{"cart/**"}},
		{URL: "git@GitHub.com:innerscale/shop.git", Branches: []string{"main"}, Paths: []string{"lib/**"}, Ignore: []string{"lib/docs/**"}},
		{URL: url, Branches: []string{"stable"}, Paths: []string{"**"}},
	}}}}
	for name, c := range map[string]struct {
		ref   string
		paths []string
		count int
	}{
		"the first":                {"main", []string{"cart/a.go"}, 1},
		"another path":             {"main", []string{"lib/a.go"}, 1},
		"ignored where it counts":  {"main", []string{"lib/docs/a.md"}, 0},
		"a path of another branch": {"main", []string{"search/a.go"}, 0},
		"another branch":           {"refs/heads/stable", []string{"search/a.go"}, 1},
		"no paths are told":        {"stable", nil, 1},
		"no branch is told":        {"", []string{"search/a.go"}, 1},
		"neither branch nor paths": {"", []string{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			changes, err := catalog.Resolve(pipeline.Change{Repository: url, Ref: c.ref, Paths: c.paths, Revision: sha})
			require.NoError(t, err)
			require.Len(t, changes, c.count)
		})
	}
	_, err := catalog.Resolve(pipeline.Change{Repository: url, Ref: "wip", Revision: sha})
	require.EqualError(t, err, `ref: "wip" is not one of the branches of cart (main, stable)`)
}

func TestResolveRefuses(t *testing.T) {
	const service = pipeline.KindService
	for name, c := range map[string]struct {
		change  pipeline.Change
		unowned bool
		reason  string
	}{
		"neither revision nor image": {
			pipeline.Change{Kind: service, Name: "checkout"}, false, "revision: missing; a change names the revision or the image it brings",
		},
		"image without a tag": {
			pipeline.Change{Kind: service, Image: "registry.example:5000/shop/checkout"},
			false,
			`image: "registry.example:5000/shop/checkout" has neither a tag nor a digest`,
		},
		"unknown name":  {pipeline.Change{Kind: service, Name: "ghost", Revision: sha}, true, `name: the catalog has no service "ghost"`},
		"another kind":  {pipeline.Change{Kind: pipeline.KindStack, Name: "checkout", Revision: sha}, true, `name: the catalog has no stack "checkout"`},
		"unknown forge": {pipeline.Change{Kind: service, Repository: "github.com/evil/checkout", Revision: sha}, true, `nothing in the catalog has repository "github.com/evil/checkout"`},
		"unknown image": {pipeline.Change{Kind: service, Image: "registry.example:5000/shop/ghost:1"}, true, `nothing in the catalog has image "registry.example:5000/shop/ghost:1"`},
		"neither name, repository nor image": {
			pipeline.Change{Kind: service, Revision: sha}, false, "name: missing; a change names what changes, or its repository or image",
		},
		"image outside the service's repository": {
			pipeline.Change{Kind: service, Name: "checkout", Image: "registry.example:5000/shop/checkout-evil:1"},
			false,
			`image: "registry.example:5000/shop/checkout-evil:1" is not in the image repository of checkout`,
		},
		"image of another service": {
			pipeline.Change{Kind: service, Repository: "github.com/innerscale/checkout", Image: "registry.example:5000/shop/cart:1"},
			false,
			`image: "registry.example:5000/shop/cart:1" is not in the image repository of checkout`,
		},
		"image of a service without images": {
			pipeline.Change{Kind: service, Name: "prices", Image: "prices:1"}, false, `image: "prices:1" is not in the image repository of prices`,
		},
		"image for a stack": {
			pipeline.Change{Kind: pipeline.KindStack, Name: "platform", Revision: sha, Image: "registry.example:5000/shop/cart:1"},
			false,
			`image: "registry.example:5000/shop/cart:1" is not in the image repository of platform`,
		},
		"name and repository disagree": {
			pipeline.Change{Kind: service, Name: "checkout", Repository: "github.com/innerscale/mono", Revision: sha},
			false,
			`repository: "github.com/innerscale/mono" is not one of checkout`,
		},
		"branch": {
			pipeline.Change{Kind: service, Repository: "github.com/innerscale/checkout", Ref: "refs/heads/wip", Revision: sha},
			false,
			`ref: "wip" is not one of the branches of checkout (main, release/2)`,
		},
		"a tag is no branch": {
			pipeline.Change{Kind: service, Repository: "github.com/innerscale/checkout", Ref: "refs/tags/main", Revision: sha},
			false,
			`ref: "refs/tags/main" is not one of the branches of checkout (main, release/2)`,
		},
		"branch, by name": {
			pipeline.Change{Kind: service, Name: "checkout", Ref: "refs/heads/evil", Revision: sha},
			false,
			`ref: "evil" is not one of the branches of checkout (main, release/2)`,
		},
		"branch, by image": {
			pipeline.Change{Kind: service, Image: "registry.example:5000/shop/cart:7", Ref: "stable"},
			false,
			`ref: "stable" is not one of the branches of cart (main)`,
		},
		"branch of nobody in the monorepo": {
			pipeline.Change{Kind: service, Repository: "github.com/innerscale/mono", Ref: "wip", Revision: sha},
			false,
			`ref: "wip" is not one of the branches of cart (main)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			changes, err := forge().Resolve(c.change)
			var refusal *pipeline.Refusal
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, pipeline.Refusal{Reason: c.reason, Unowned: c.unowned}, *refusal)
			require.EqualError(t, err, c.reason)
			require.Empty(t, changes)
		})
	}
}

func TestAnImageTellsItsRevision(t *testing.T) {
	for image, revision := range map[string]string{
		"registry.example:5000/shop/checkout:1.4":              "1.4",
		"registry.example:5000/shop/checkout@sha256:abcd":      "sha256:abcd",
		"registry.example:5000/shop/checkout:1.4@sha256:abcd":  "1.4",
		"registry.example:5000/shop/checkout:" + sha:           sha,
		"registry.example:5000/shop/checkout:main-0123456-amd": "main-0123456-amd",
	} {
		changes, err := forge().Resolve(pipeline.Change{Kind: pipeline.KindService, Image: image})
		require.NoError(t, err)
		require.Equal(t, revision, changes[0].Revision)
		changes, err = forge().Resolve(pipeline.Change{Kind: pipeline.KindService, Image: image, Revision: "known"})
		require.NoError(t, err)
		require.Equal(t, "known", changes[0].Revision, "a revision that was told wins")
	}
}

func TestLabel(t *testing.T) {
	for want, a := range map[string]pipeline.Artefact{
		"1.4":     {Revision: sha, Version: "1.4", Image: "checkout:1"},
		"0123456": {Revision: sha, Image: "checkout:1"},
		"r17":     {Revision: "r17"},
		"c:1":     {Image: "c:1"},
		"":        {},
	} {
		require.Equal(t, want, a.Label())
	}
}
