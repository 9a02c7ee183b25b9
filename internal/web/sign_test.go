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
