package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// estate is a catalog of three teams. checkout and search use the orders database, which the stack platform makes; reports
// uses checkout and so has nothing to do with the database itself.
func estate() *pipeline.Catalog {
	scenario := func(name string, tags ...string) pipeline.Scenario {
		return pipeline.Scenario{Name: name, Tags: tags}
	}
	return &pipeline.Catalog{
		Services: map[string]pipeline.Service{
			"checkout": {Name: "checkout", Team: "shop", Tags: []string{"service:checkout"}, Uses: []string{"db:orders"}},
			"search":   {Name: "search", Team: "find", Tags: []string{"service:search"}, Uses: []string{"db:orders", "cache:hot"}},
			"reports":  {Name: "reports", Team: "shop", Tags: []string{"service:reports"}, Uses: []string{"service:checkout"}},
			"mailer":   {Name: "mailer", Team: "shop", Tags: []string{"service:mailer"}},
		},
		Stacks: map[string]pipeline.Stack{"platform": {Name: "platform", Team: "infra", Tags: []string{"stack:platform"}}},
		Scenarios: map[string]pipeline.Scenario{
			"checkout-flow": scenario("checkout-flow", "service:checkout"),
			"search-flow":   scenario("search-flow", "service:search"),
			"month-end":     scenario("month-end", "service:reports"),
			"shop-window":   scenario("shop-window", "service:search", "service:checkout"),
		},
		FullSuite: pipeline.FullSuite{Files: 100, Lines: 2000, Labels: []string{"load:full"}},
	}
}

func paths(sel pipeline.Selection) []string {
	var all []string
	for _, s := range sel.Scenarios {
		all = append(all, s.String())
	}
	return all
}

func number(n int) *int { return &n }

func TestSelect(t *testing.T) {
	service := func(name string) pipeline.Change {
		return pipeline.Change{Kind: pipeline.KindService, Name: name, Files: number(1), Lines: number(1)}
	}
	stack := pipeline.Change{Kind: pipeline.KindStack, Name: "platform"}
	for name, c := range map[string]struct {
		change pipeline.Change
		extra  []string
		paths  []string
		reason string
	}{
		"by its tag, and through what uses it": {
			change: service("checkout"),
			paths: []string{
				"service:checkout -> checkout-flow", "service:checkout -> reports -> month-end", "service:checkout -> shop-window",
			},
			reason: "touches service:checkout",
		},
		"size unknown": {
			change: pipeline.Change{Kind: pipeline.KindService, Name: "search"},
			paths:  []string{"service:search -> search-flow", "service:search -> shop-window"},
			reason: "touches service:search; size unknown",
		},
		"nothing": {change: service("mailer"), reason: "touches service:mailer"},
		"a tag of the stack alone": {
			change: stack, reason: "touches stack:platform; size unknown",
		},
		"users of a touched resource, never users of users": {
			change: stack, extra: []string{"db:orders", "db:orders"},
			paths: []string{
				"db:orders -> checkout -> checkout-flow", "db:orders -> search -> search-flow", "db:orders -> checkout -> shop-window",
			},
			reason: "touches db:orders, stack:platform; size unknown",
		},
		"a thing nobody knows": {change: service("ghost"), reason: "touches "},
	} {
		t.Run(name, func(t *testing.T) {
			sel := estate().Select(c.change, c.extra...)
			require.Equal(t, c.paths, paths(sel))
			require.Equal(t, c.reason, sel.Reason)
			require.False(t, sel.Full)
			require.NotNil(t, sel.Scenarios, "JSON shall have a list")
		})
	}
}

func TestSelectFullSuite(t *testing.T) {
	for name, c := range map[string]struct {
		files, lines *int
		labels       []string
		reason       string // empty: not everything
	}{
		"many files":          {number(100), number(5), nil, "full suite: 100 files changed, 100 or more run everything"},
		"many lines":          {number(99), number(2000), nil, "full suite: 2000 lines changed, 2000 or more run everything"},
		"only lines known":    {nil, number(3000), nil, "full suite: 3000 lines changed, 2000 or more run everything"},
		"labelled":            {number(1), nil, []string{"docs", "load:full"}, "full suite: labelled load:full"},
		"just below":          {number(99), number(1999), []string{"docs"}, ""},
		"unknown is not much": {nil, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			sel := estate().Select(pipeline.Change{
				Kind: pipeline.KindService, Name: "search", Files: c.files, Lines: c.lines, Labels: c.labels,
			})
			require.Equal(t, c.reason != "", sel.Full)
			require.Equal(t, []string{"service:search"}, sel.Touched)
			if sel.Full {
				require.Equal(t, c.reason, sel.Reason)
				require.Equal(t, []string{"checkout-flow", "month-end", "search-flow", "shop-window"}, sel.Names())
				require.Equal(t, "full suite -> month-end", sel.Scenarios[1].String())
			}
		})
	}
}

func TestSizeZeroMeansThatSizeNeverRunsEverything(t *testing.T) {
	catalog := estate()
	catalog.FullSuite = pipeline.FullSuite{}
	require.False(t, catalog.Select(pipeline.Change{Kind: pipeline.KindService, Name: "search", Files: number(1e6)}).Full)
}

func TestSelectLeavesTheCatalogAlone(t *testing.T) {
	catalog := estate()
	tags := append(make([]string, 0, 8), "z:last", "a:first")
	catalog.Stacks["platform"] = pipeline.Stack{Name: "platform", Tags: tags}
	sel := catalog.Select(pipeline.Change{Kind: pipeline.KindStack, Name: "platform"}, "m:middle")
	require.Equal(t, []string{"a:first", "m:middle", "z:last"}, sel.Touched)
	sel.Touched[0] = "changed"
	require.Equal(t, []string{"z:last", "a:first", ""}, tags[:3], "neither sorted nor appended to")
}

func TestOwnersOfAScenario(t *testing.T) {
	require.Equal(t, []string{"shop", "find"}, estate().OwnersOf("shop-window"))
	require.Empty(t, estate().OwnersOf("no such scenario"))
}

func TestThings(t *testing.T) {
	require.Equal(t, []string{"checkout", "mailer", "reports", "search", "platform"}, estate().Names())
}
