package commands

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// linked is a desk that signed the links to /r/ID.
func linked() (*Desk, *ledger, *strings.Builder) {
	d, l, log := desk("load")
	d.RunOf = func(link string) (string, bool) { return strings.CutPrefix(link, "https://bellwether.example.com/r/") }
	r := slow("R20", "cart")
	r.Acknowledged = []pipeline.Mark{{Name: "jo", Because: "of an index"}}
	l.runs["R20"] = r
	return d, l, log
}

func TestPreview(t *testing.T) {
	d, l, _ := linked()
	m, ours := d.Preview(t.Context(), siti, "https://bellwether.example.com/r/R20")
	require.True(t, ours)
	require.Equal(t, strings.TrimSpace(`
checkout 1.5.20 is slower: p95 312 ms in cart
jo looks after R20 (checkout 1.5.20), because of an index
Run: R20 (checkout 1.5.20)
Environment: load
Finished: 23 Nov 12:24 UTC`), m.String())
	require.EqualValues(t, "regressed", m.Mood)
	require.Empty(t, m.Actions)
	require.Empty(t, l.entries, "nobody asked for anything")

	m, ours = d.Preview(t.Context(), siti, "https://bellwether.example.com/r/R3")
	require.True(t, ours)
	require.NotContains(t, m.String(), "Finished")
}

func TestLinksThatAreNotUnfurled(t *testing.T) {
	d, l, log := linked()
	for _, link := range []string{"", "https://example.com/r/R20", "https://bellwether.example.com/r/R99", "\x00"} {
		_, ours := d.Preview(t.Context(), siti, link)
		require.False(t, ours, link)
	}
	require.Empty(t, log.String())

	l.broken = errors.New("redis is away")
	_, ours := d.Preview(t.Context(), siti, "https://bellwether.example.com/r/R20")
	require.False(t, ours)
	require.Contains(t, log.String(), "redis is away")

	d.RunOf = nil
	_, ours = d.Preview(t.Context(), siti, "https://bellwether.example.com/r/R20")
	require.False(t, ours)
}

func TestAPreviewIsForThoseWhoMayLook(t *testing.T) {
	d, _, _ := linked()
	c := catalog("load")
	c.Permissions = pipeline.Permissions{"status": {Roles: []pipeline.Role{pipeline.Member}}}
	d.Catalog = func() *pipeline.Catalog { return c }
	guest := siti
	guest.Outsider = true
	_, ours := d.Preview(t.Context(), guest, "https://bellwether.example.com/r/R20")
	require.False(t, ours)
	_, ours = d.Preview(t.Context(), siti, "https://bellwether.example.com/r/R20")
	require.True(t, ours)
}
