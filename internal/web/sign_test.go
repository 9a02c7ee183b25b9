package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestChangedLinksAreRefusedUnread(t *testing.T) {
	s := shelved(regressed())
	p := pages(t, s)
	link := p.signed("runs", "R42")
	other := pages(t, s)
	other.Key = []byte("another key")
	sig := link[strings.Index(link, "&sig="):]
	for name, changed := range map[string]string{
		"other run":       strings.Replace(link, "R42", "R43", 1),
		"other page":      strings.Replace(link, "/runs/R42", "/charts/R42/checkout-flow.svg", 1),
		"later":           strings.Replace(link, "until=1", "until=2", 1),
		"same number":     strings.Replace(link, "until=", "until=0", 1),
		"no number":       strings.Replace(link, "until=", "until=x", 1),
		"no expiry":       "/runs/R42?" + sig[1:],
		"no signature":    strings.TrimSuffix(link, sig),
		"half signature":  link[:len(link)-16],
		"empty signature": strings.TrimSuffix(link, sig) + "&sig=",
		"upper case":      strings.TrimSuffix(link, sig) + "&sig=" + strings.ToUpper(sig[5:]),
		"escaped anew":    strings.Replace(link, "R42", "%5242", 1),
		"other key":       other.signed("runs", "R42"),
	} {
		answer := p.get(changed)
		require.Equal(t, http.StatusForbidden, answer.Code, name)
		require.Contains(t, answer.Body.String(), "This link is not complete", name)
	}
	require.Zero(t, s.loads, "nothing is looked up for a link that we did not make")
	require.Equal(t, http.StatusOK, p.get(link).Code)
}

func TestLinksExpire(t *testing.T) {
	p := pages(t, shelved(regressed()))
	link := p.signed("runs", "R42")
	for _, days := range []int{0, 29, 30} {
		p.Now = func() time.Time { return noon.AddDate(0, 0, days) }
		require.Equal(t, http.StatusOK, p.get(link).Code, days)
	}
	p.Now = func() time.Time { return noon.Truncate(period).Add(2*period + time.Second) }
	answer := p.get(link)
	require.Equal(t, http.StatusGone, answer.Code)
	require.Contains(t, answer.Body.String(), "This link has expired")
}

func TestLinksAreTheSameForAPeriod(t *testing.T) {
	p := pages(t, shelved())
	begin := noon.Truncate(period)
	at := func(since time.Duration) string {
		p.Now = func() time.Time { return begin.Add(since) }
		return p.RunURL("R42")
	}
	first := at(0)
	require.True(t, strings.HasPrefix(first, "https://bellwether.example.com/runs/R42?until="), first)
	require.Equal(t, first, at(period-time.Second))
	require.NotEqual(t, first, at(period))
}

func TestAnyNameComesThrough(t *testing.T) {
	for _, name := range []string{"v1.2_search-Page", "a.svg", "a b", "ü", "a/b", "100%", "a?b#c", "a,b;c", "a+b"} {
		run := regressed()
		run.ID = name
		run.Outcomes[0].Scenario = name
		p := pages(t, shelved(run))
		p.Catalog = func() *pipeline.Catalog { return &pipeline.Catalog{} }
		require.Equal(t, http.StatusOK, p.get(p.RunURL(name)).Code, name)
		require.Equal(t, http.StatusOK, p.get(p.signed("charts", name, name+".svg")).Code, name)
	}
}

func TestAChangedLinkIsNoRuns(t *testing.T) {
	p := pages(t, shelved())
	link := p.RunURL("R42")
	run, ok := p.RunOf(link)
	require.True(t, ok)
	require.Equal(t, "R42", run)
	_, query, _ := strings.Cut(link, "?")
	for name, changed := range map[string]string{
		"other run":            strings.Replace(link, "R42", "R43", 1),
		"later":                strings.Replace(link, "until=1", "until=2", 1),
		"a digit of sig":       flipped(link),
		"no signature":         strings.Split(link, "&sig=")[0],
		"a chart's":            p.PublicURL + p.signed("charts", "R42", "checkout-flow.svg"),
		"a picture's":          p.PictureURL("R42"),
		"a picture's sig":      p.PublicURL + "/runs/R42?" + strings.SplitN(p.PictureURL("R42"), "?", 2)[1],
		"other scheme":         strings.Replace(link, "https:", "http:", 1),
		"other host":           strings.Replace(link, "bellwether.example.com", "bellwether.example.org", 1),
		"host in front":        strings.Replace(link, "bellwether.example.com", "bellwether.example.com.evil.test", 1),
		"user":                 strings.Replace(link, "https://", "https://bellwether.example.com@", 1),
		"port":                 strings.Replace(link, "example.com", "example.com:8443", 1),
		"path beneath":         strings.Replace(link, "R42", "R42/x", 1),
		"path above":           strings.Replace(link, "/runs/", "/x/../runs/", 1),
		"escaped":              strings.Replace(link, "R42", "%52%34%32", 1),
		"escaped slash":        strings.Replace(link, "/R42", "%2FR42", 1),
		"no run":               "https://bellwether.example.com/runs/?" + query,
		"relative":             strings.TrimPrefix(link, p.PublicURL),
		"semicolon":            strings.Replace(link, "&", ";", 1),
		"twice, the wrong one": strings.Replace(link, "?", "?sig=x&", 1),
		"long":                 link + "&x=" + strings.Repeat("x", longestLink),
		"control characters":   link + "\n",
		"empty":                "",
	} {
		_, ok := p.RunOf(changed)
		require.False(t, ok, name)
	}
	p.Now = func() time.Time { return noon.Add(3 * period) }
	_, ok = p.RunOf(link)
	require.False(t, ok, "expired")
}

// flipped has another last digit.
func flipped(link string) string {
	last := byte('0')
	if link[len(link)-1] == last {
		last = '1'
	}
	return link[:len(link)-1] + string(last)
}

func TestRunOfALinkBeneathAPath(t *testing.T) {
	p := pages(t, shelved())
	p.PublicURL = "https://tools.example.com/bell%20wether"
	for _, id := range []string{"R42", "a/b", "ü", "100%"} {
		run, ok := p.RunOf(p.RunURL(id) + "#scenario-checkout-flow")
		require.True(t, ok, id)
		require.Equal(t, id, run)
	}
	_, ok := p.RunOf(strings.Replace(p.RunURL("R42"), "/bell%20wether", "", 1))
	require.False(t, ok)
}

// What is in a link never crashes us, and what we did not sign is never a run.
func FuzzRunOf(f *testing.F) {
	p := &Pages{PublicURL: "https://bellwether.example.com", Key: []byte("a key for tests"), Now: func() time.Time { return noon }}
	signed := p.RunURL("R42")
	for _, link := range []string{signed, signed + "#x", p.PictureURL("R42/checkout-flow"), "", "https://", "https://[::1", "%", strings.ToUpper(signed)} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		if run, ok := p.RunOf(link); ok && run != "R42" {
			t.Fatalf("%q is run %q", link, run)
		}
	})
}
