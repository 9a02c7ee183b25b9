package catalog

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

// engines that this version has.
var engines = []string{"vegeta"}

func (d *decoder) scenario(name string, v strictyaml.Value) (s pipeline.Scenario) {
	v.Object(func(o *strictyaml.Object) {
		tested := tags(o.Need("tags", "what it tests, such as [service:checkout]"))
		d.tested = append(d.tested, tested...)
		data := d.table(o.Get("data"))
		s = pipeline.Scenario{
			Name:     name,
			Tags:     plain(tested),
			Engine:   engine(o.Get("engine")),
			Load:     profile(o.Need("load", "how much for how long, such as {rate: 50/s, duration: 60s, warmup: 10s}")),
			Targets:  targets(o.Need("targets", "the requests, such as [{name: cart, path: /cart}]"), data),
			Data:     data.path,
			DataHash: data.hash,
			Setup:    command(o.Get("setup")),
			Teardown: command(o.Get("teardown")),
			Gates:    gates(o.Get("gates")),
			Baseline: baseline(o.Get("baseline")),
		}
	})
	return s
}

func engine(v strictyaml.Value) string {
	return oneOf(v, engines, "no engine of this version; write vegeta, or leave it out")
}

// oneOf is one of the known words, the first of them when none is given.
func oneOf(v strictyaml.Value, known []string, flaw string) string {
	word := cmp.Or(v.Text(), known[0])
	for _, k := range known {
		if k == word {
			return word
		}
	}
	v.Errorf("%s is %s", v.Quote(), flaw)
	return known[0]
}

func targets(v strictyaml.Value, data table) (list []pipeline.Target) {
	first := map[string]strictyaml.Value{}
	for item := range v.Items() {
		item.Object(func(o *strictyaml.Object) {
			at := o.Need("name", "what people call the request, such as cart")
			t := target(o, data)
			if t.Name = at.Text(); t.Name != "" && first[t.Name].Given() {
				at.Errorf("%s is already the name of a target, at %s; rename one of them", at.Quote(), first[t.Name].Where())
			}
			first[t.Name] = at
			list = append(list, t)
		})
	}
	return list
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

func target(o *strictyaml.Object, data table) pipeline.Target {
	path := o.Need("path", "the path, such as /cart")
	method := o.Get("method")
	t := pipeline.Target{
		Weight:  cmp.Or(o.Get("weight").Int(1, 10_000), 1),
		Method:  oneOf(method, methods, "no method; write one of "+strings.Join(methods, ", ")),
		Path:    data.template(path),
		Body:    data.template(o.Get("body")),
		Headers: headers(o.Get("headers"), data),
	}
	if t.Path != "" && !strings.HasPrefix(t.Path, "/") {
		path.Errorf("%s must begin with a slash; the host is the environment's", path.Quote())
	}
	o.Get("expect").Object(func(o *strictyaml.Object) {
		t.Expect = strictyaml.List(o.Need("status", "the statuses that are no error, such as [401]"),
			func(v strictyaml.Value) int { return v.Int(100, 599) })
	})
	return t
}

// headerName is a token of RFC 9110.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func headers(v strictyaml.Value, data table) map[string]string {
	var all map[string]string
	for name, value := range v.Entries() {
		if !headerName.MatchString(name) {
			value.Errorf("is no name of a header; write for example Content-Type")
		}
		text := data.template(value)
		if strings.ContainsAny(text, "\r\n\x00") {
			value.Errorf("a header must be one line")
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = text
	}
	return all
}

func gates(v strictyaml.Value) (list []pipeline.Gate) {
	v.Object(func(o *strictyaml.Object) {
		for _, metric := range []pipeline.Metric{pipeline.P50, pipeline.P95, pipeline.P99} {
			if limit := o.Get(string(metric)); limit.Given() {
				list = append(list, pipeline.Gate{Metric: metric, Limit: milliseconds(span(limit))})
			}
		}
		if share, ok := percent(o.Get("errors")); ok {
			list = append(list, pipeline.Gate{Metric: pipeline.Errors, Limit: share})
		}
	})
	return list
}

// fastest rate, in requests per second, that is taken for meant.
const fastest = 1e6

// profile is how much load, for how long.
func profile(v strictyaml.Value) (l pipeline.Load) {
	v.Object(func(o *strictyaml.Object) {
		ramp, rate, duration, warmup := o.Get("stages"), o.Get("rate"), o.Get("duration"), o.Get("warmup")
		switch {
		case ramp.Given() && (rate.Given() || duration.Given()):
			ramp.Errorf("cannot stand beside rate and duration; write one or the other")
		case ramp.Given():
			l.Stages = stages(ramp)
		default:
			rate := perSecond(o.Need("rate", "requests per second such as 50/s, or stages"), false)
			l.Stages = []pipeline.LoadStage{{From: rate, To: rate, Over: span(o.Need("duration", "how long, such as 60s"))}}
		}
		l.Warmup, _ = warmup.Duration()
		if total := l.Duration(); total > 0 && l.Warmup >= total {
			warmup.Errorf("%s leaves nothing to judge of %s; make it shorter, or the load longer", warmup.Quote(), total)
		}
	})
	return l
}

// stages are {to, over}: change the rate evenly, from nothing at first; and {hold}: keep it.
func stages(v strictyaml.Value) (list []pipeline.LoadStage) {
	rate, peak := 0.0, 0.0
	for item := range v.Items() {
		item.Object(func(o *strictyaml.Object) {
			hold, to, over := o.Get("hold"), o.Get("to"), o.Get("over")
			switch {
			case hold.Given() && (to.Given() || over.Given()):
				hold.Errorf("cannot stand beside to and over; make it a stage of its own")
			case hold.Given() && len(list) == 0:
				hold.Errorf("has no rate to hold yet; begin with a stage such as {to: 200/s, over: 2m}")
			case hold.Given():
				list = append(list, pipeline.LoadStage{From: rate, To: rate, Over: span(hold)})
			default:
				to := perSecond(o.Need("to", "the rate at the stage's end such as 200/s, or hold"), true)
				list = append(list, pipeline.LoadStage{From: rate, To: to, Over: span(o.Need("over", "how long it takes, such as 2m"))})
				rate, peak = to, max(peak, to)
			}
		})
	}
	if len(list) == 0 || peak == 0 {
		v.Errorf("send nothing; write for example [{to: 200/s, over: 2m}, {hold: 5m}]")
	}
	return list
}

var units = map[string]float64{"s": 1, "m": 60, "h": 3600}

// perSecond is a rate such as 50/s or 3000/m, in requests per second; zero only where it may be.
func perSecond(v strictyaml.Value, zero bool) float64 {
	text := v.TextAs("a rate such as 50/s")
	if text == "" {
		return 0
	}
	number, unit, _ := strings.Cut(text, "/")
	count, err := strconv.ParseFloat(number, 64)
	per, known := units[unit]
	rate := count / per
	if err != nil || !known || !(rate >= 0 && rate <= fastest) || (rate == 0 && !zero) {
		v.Errorf("%s is no rate; write for example 50/s, 3000/m or 0.5/s, at most 1000000/s", v.Quote())
		return 0
	}
	return rate
}

// percent is a share such as 1% or 0.5%, as a fraction; not ok when it is absent or refused.
func percent(v strictyaml.Value) (share float64, ok bool) {
	text := v.TextAs("a share such as 1%")
	if text == "" {
		return 0, false
	}
	number, signed := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if !signed || err != nil || !(share >= 0 && share <= 100) {
		v.Errorf("%s is no share; write for example 1%% or 0.5%%", v.Quote())
		return 0, false
	}
	return share / 100, true
}

// longest time that anything may take.
const longest = 24 * time.Hour

// span is a duration of more than nothing and at most a day; 0 when it is absent or refused.
func span(v strictyaml.Value) time.Duration {
	d, ok := v.Duration()
	if ok && (d == 0 || d > longest) {
		v.Errorf("%s must be more than 0s and at most 24h", v.Quote())
		return 0
	}
	return d
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
