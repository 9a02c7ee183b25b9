package commands

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
	"bellwether/pipeline"
)

// chronicle is a Trends and a bot.Pictures in memory.
type chronicle struct {
	runs     map[string][]pipeline.Run // by environment and scenario, oldest first
	standing []pipeline.Regression
	pictures map[string][]byte
	broken   error
}

func (c *chronicle) Trend(_ context.Context, environment, scenario string, since time.Time) (runs []pipeline.Run, err error) {
	for _, r := range c.runs[environment+"/"+scenario] {
		if !r.Finished.Before(since) {
			runs = append(runs, r)
		}
	}
	return runs, c.broken
}

func (c *chronicle) Standing(context.Context, string) ([]pipeline.Regression, error) {
	return c.standing, nil
}

func (c *chronicle) Picture(_ context.Context, key string) ([]byte, error) {
	return c.pictures[key], nil
}

func (c *chronicle) KeepPicture(_ context.Context, key string, png []byte) error {
	c.pictures[key] = png
	return nil
}

// remember adds a run a day of a scenario with these p95, the last one at noon; 0 is an invalid run.
func (c *chronicle) remember(scenario string, p95 ...float64) {
	var runs []pipeline.Run
	for i, v := range p95 {
		r := run(fmt.Sprint("R", 10+i), "checkout", pipeline.Done, pipeline.Pass)
		r.Finished = noon.AddDate(0, 0, i+1-len(p95))
		r.Outcomes = []pipeline.Outcome{measuredAt(scenario, pipeline.Pass, v)}
		r.Outcomes[0].Findings[1].BandLow, r.Outcomes[0].Findings[1].BandHigh = 210, 242
		if v == 0 {
			r.Outcomes = []pipeline.Outcome{{Scenario: scenario, Verdict: pipeline.Invalid}}
		}
		runs = append(runs, r)
	}
	c.runs["load/"+scenario] = runs
}

// regressed gives run i of a scenario a regression of its p95.
func (c *chronicle) regressed(scenario string, i int, was, level float64) {
	r := &c.runs["load/"+scenario][i]
	r.Outcomes[0].Verdict, r.Outcomes[0].Findings[1].Verdict = pipeline.Regressed, pipeline.Regressed
	g := pipeline.Regression{
		ID: r.ID + "/" + scenario + "/p95", Run: r.ID, Subject: r.Subject(), Environment: "load", Scenario: scenario, Group: scenario,
		Metric: pipeline.P95, At: r.Finished, Since: r.ID, Was: was, Level: level,
	}
	r.Regressions, c.standing = []pipeline.Regression{g}, append(c.standing, g)
}

// around are n values near a level, the same every time.
func around(level float64, n int) (values []float64) {
	for i := range n {
		values = append(values, level*(1+0.01*math.Sin(1.7*float64(i))))
	}
	return values
}

// archive is a desk where three scenarios test checkout.
func archive() (*Desk, *chronicle) {
	d, _, _ := desk("load", "soak")
	c := &chronicle{runs: map[string][]pipeline.Run{}, pictures: map[string][]byte{}}
	known := catalog("load", "soak")
	known.Services["checkout"] = pipeline.Service{Name: "checkout", Team: "checkout", Tags: []string{"service:checkout"}, Environments: []string{"load"}}
	for _, name := range []string{"cart", "checkout-flow", "pay"} {
		known.Scenarios[name] = pipeline.Scenario{
			Name: name, Tags: []string{"service:checkout"}, Gates: []pipeline.Gate{{Metric: pipeline.P95, Limit: 400}},
		}
	}
	d.Catalog, d.Trends, d.Pictures = func() *pipeline.Catalog { return known }, c, c
	return d, c
}

func TestHistoryOfAScenario(t *testing.T) {
	d, c := archive()
	c.remember("checkout-flow", append(around(226, 12), append(around(312, 7), 0)...)...)
	c.regressed("checkout-flow", 12, 226, 312)
	reply := d.Do(t.Context(), siti, "history checkout-flow on load")
	require.True(t, reply.Private)
	require.Equal(t, strings.TrimSpace(`
checkout-flow: p95 +38 % in 30 days (312 ms, was 226 ms)
+38 % from R22 (checkout 1.5.22) on: 312 ms, was 226 ms
Open since R22: p95 312 ms, was 226 ms
Left out: 1 of 20 runs, which are invalid or measured too little.
A level changes where the runs before and after differ as a whole; a verdict is about one run.`), reply.Message.String())
	require.Equal(t, "checkout-flow: p95 +38 % in 30 days (312 ms, was 226 ms). p95 from run to run: 19 runs, first 226 ms, last 310 ms, "+
		"lowest 224 ms, highest 315 ms; last baseline 210 ms to 242 ms; regressed: 1.5.22; invalid: 1.5.29; +38 % from 1.5.22 on "+
		"(312 ms, was 226 ms); gate p95 ≤ 400 ms.", reply.Message.Picture.Alt)
	require.Equal(t, c.pictures[reply.Message.Picture.Key], reply.Picture)
	require.NotEmpty(t, reply.Picture)
	look(t, "scenario", reply)
	service := ofService(t).Message
	reply.Message.Picture.Key, service.Picture.Key = "history/1", "history/2" // which tell each byte of the pictures
	golden(t, "history", []example{{"history checkout-flow on load", reply.Message}, {"history checkout", service}})
}

func ofService(t *testing.T) Reply {
	d, c := archive()
	c.remember("checkout-flow", around(226, 14)...)
	c.remember("pay", append(around(90, 7), around(112, 7)...)...)
	c.regressed("pay", 7, 90, 112)
	c.runs["load/pay"][7].Acknowledged = []pipeline.Mark{{Name: "jo", At: noon}}
	return d.Do(t.Context(), siti, "history checkout")
}

func TestHistoryOfAService(t *testing.T) {
	reply := ofService(t)
	require.Equal(t, strings.TrimSpace(`
pay: p95 +24 % in 30 days (112 ms, was 90.1 ms)
2 scenarios test checkout on load; pay moved most.
+24 % from R17 (checkout 1.5.17) on: 112 ms, was 90.1 ms
Open since R17: p95 112 ms, was 90 ms; jo looks after it
p95 ms          was  now  change  open since
pay            90.1  112   +24 %         R17
checkout-flow   226  226    ±0 %
A level changes where the runs before and after differ as a whole; a verdict is about one run.`), reply.Message.String())
	require.Equal(t, "pay.png", reply.Message.Picture.Name)
	look(t, "service", reply)
}

// look keeps a picture for a person to judge, if a folder for it is named.
func look(t *testing.T, name string, reply Reply) {
	if dir := os.Getenv("BELLWETHER_LOOK"); dir != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "reply-"+name+".png"), reply.Picture, 0o644))
	}
}

func TestWhatAHistoryFinds(t *testing.T) {
	creeping := append(append(around(226, 9), around(239, 9)...), around(253, 9)...)
	for name, c := range map[string]struct {
		values []float64
		bad    int // the run that regressed; 0: none
		title  string
		says   string
	}{
		"steady":          {around(226, 12), 0, "checkout-flow: p95 steady at 226 ms", ""},
		"crept":           {creeping, 0, "checkout-flow: p95 +12 % in 30 days (253 ms, was 226 ms)", "p95 crept up 12 % since R19 (checkout 1.5.19), and no single release was called for it."},
		"called":          {append(around(226, 9), around(253, 9)...), 9, "checkout-flow: p95 +12 % in 30 days (253 ms, was 226 ms)", "Open since R19: p95 350 ms, was 226 ms"},
		"back":            {append(append(around(226, 9), around(300, 9)...), around(226, 9)...), 0, "checkout-flow: p95 226 ms, as 30 days ago", "+33 % from R19 (checkout 1.5.19) on: 300 ms, was 226 ms; no release was called"},
		"slower just now": {append(around(226, 12), 350), 12, "checkout-flow: p95 +55 % in 30 days (350 ms, was 226 ms)", "Open since R22: p95 350 ms, was 226 ms"},
		"faster":          {append(around(226, 9), around(180, 9)...), 0, "checkout-flow: p95 −20 % in 30 days (180 ms, was 226 ms)", "−20 % from R19 (checkout 1.5.19) on: 180 ms, was 226 ms"},
		"few":             {[]float64{226, 230, 221}, 0, "checkout-flow: p95 221 ms to 230 ms in 3 runs", ""},
		"one":             {[]float64{226}, 0, "checkout-flow: p95 226 ms, the only run in 30 days", ""},
		"all invalid":     {[]float64{0, 0}, 0, "checkout-flow: no valid run in 30 days", "Left out: 2 of 2 runs, which are invalid or measured too little."},
	} {
		t.Run(name, func(t *testing.T) {
			d, l := archive()
			l.remember("checkout-flow", c.values...)
			if c.bad > 0 {
				l.regressed("checkout-flow", c.bad, 226, 350)
			}
			reply := d.Do(t.Context(), siti, "history checkout-flow on load")
			require.Equal(t, c.title, reply.Message.Title)
			require.Contains(t, reply.Message.String(), c.says)
			require.Contains(t, reply.Message.Picture.Alt, c.title)
			require.Equal(t, name == "crept", strings.Contains(reply.Message.String(), "crept"))
		})
	}
}

// What people say of a run shows: looked after, accepted, no good.
func TestAHistoryShowsWhatPeopleSaid(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(*pipeline.Run)
		want string
	}{
		"nothing":      {func(*pipeline.Run) {}, "; regressed: 1.5.18;"},
		"suspected":    {func(r *pipeline.Run) { r.Regressions[0].Doubtful = true }, "; suspected: 1.5.18;"},
		"acknowledged": {func(r *pipeline.Run) { r.Acknowledged = []pipeline.Mark{{Name: "jo"}} }, "; acknowledged: 1.5.18;"},
		"accepted":     {func(r *pipeline.Run) { r.Regressions[0].End = &pipeline.End{As: pipeline.Expected} }, "; accepted: 1.5.18;"},
		"resolved":     {func(r *pipeline.Run) { r.Regressions[0].End = &pipeline.End{As: pipeline.Recovered} }, "; resolved: 1.5.18;"},
		"invalid": {func(r *pipeline.Run) {
			r.Triaged = []pipeline.End{{As: pipeline.Invalidated, Mark: &pipeline.Mark{Scope: "checkout-flow"}}}
		}, "; invalid: 1.5.18;"},
	} {
		d, l := archive()
		l.remember("checkout-flow", append(around(226, 8), around(300, 4)...)...)
		l.regressed("checkout-flow", 8, 226, 300)
		c.say(&l.runs["load/checkout-flow"][8])
		reply := d.Do(t.Context(), siti, "history checkout-flow on load")
		require.Contains(t, reply.Message.Picture.Alt, c.want, name)
	}
}

func TestWhoseHistory(t *testing.T) {
	inThread := siti
	inThread.Run = "R2"
	for name, c := range map[string]struct {
		who   Caller
		line  string
		title string // or all of it
	}{
		"a scenario":              {siti, "history CART on load", "cart: p95 steady at 90 ms"},
		"a service of one place":  {siti, "history Checkout", "cart: p95 steady at 90 ms"},
		"in a thread":             {inThread, "history", "cart: p95 steady at 90 ms"},
		"in a thread, elsewhere":  {inThread, "history cart on soak", "cart was not tested on soak in the last 30 days."},
		"a week":                  {siti, "history cart 7d on load", "cart: p95 steady at 90.4 ms"},
		"days without runs":       {siti, "history pay 7d on load", "pay was not tested on load in the last 7 days."},
		"nothing in particular":   {siti, "history", "Of which scenario or service? Usage: history SCENARIO|SERVICE [30d] [on ENVIRONMENT]"},
		"a scenario, no place":    {siti, "history cart", "On which environment? There are: load, soak."},
		"what there is not":       {siti, "history carts on load", `There is no scenario, service or stack "carts". Did you mean "cart"?`},
		"what nobody tests":       {siti, "history network on load", "network was not tested on load in the last 30 days."},
		"where there is no place": {siti, "history cart on laod", `There is no environment "laod". Did you mean "load"?`},
	} {
		t.Run(name, func(t *testing.T) {
			d, l := archive()
			l.remember("cart", around(90, 12)...)
			reply := d.Do(t.Context(), c.who, c.line)
			require.True(t, reply.Private)
			first, _, _ := strings.Cut(reply.Message.String(), "\n")
			require.Equal(t, c.title, first)
		})
	}
}

func TestHistoryOfSeveralServices(t *testing.T) {
	d, l := archive()
	l.remember("cart", around(90, 8)...)
	l.runs["load/cart"][3].Changes[0].Name = "search"
	l.runs["load/cart"][7].Changes = nil
	l.regressed("cart", 3, 80, 90)
	alt := d.Do(t.Context(), siti, "history cart on load").Message.Picture.Alt
	require.Contains(t, alt, "regressed: search 1.5.13;", "a version alone would not say of what")
}

func TestHistoryFails(t *testing.T) {
	d, l := archive()
	l.broken = errors.New("redis is away")
	require.Contains(t, d.Do(t.Context(), siti, "history cart on load").Message.String(), "5f0c")
}

func TestHistoryIsForThoseWhoMayLook(t *testing.T) {
	d, l := archive()
	l.remember("cart", around(90, 8)...)
	known := d.Catalog()
	known.Permissions = pipeline.Permissions{"status": {Roles: []pipeline.Role{pipeline.Admin}}}
	reply := d.Do(t.Context(), siti, "history cart on load")
	require.Nil(t, reply.Message.Picture)
	require.Empty(t, l.pictures)
}

func TestTheSamePictureIsKeptOnce(t *testing.T) {
	d, l := archive()
	l.remember("cart", around(90, 8)...)
	first := d.Do(t.Context(), siti, "history cart on load").Message.Picture.Key
	require.Equal(t, first, d.Do(t.Context(), siti, "history cart on load").Message.Picture.Key)
	require.Len(t, l.pictures, 1)
	_, err := bot.Pictures(l).Picture(t.Context(), first)
	require.NoError(t, err)
}
