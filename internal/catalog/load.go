package catalog

import (
	"strconv"
	"strings"
	"time"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

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

// percent is a share such as 1% or 0.5%, as a fraction.
func percent(v strictyaml.Value) float64 {
	text := v.TextAs("a share such as 1%")
	number, signed := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if text != "" && (!signed || err != nil || !(share >= 0 && share <= 100)) {
		v.Errorf("%s is no share; write for example 1%% or 0.5%%", v.Quote())
		return 0
	}
	return share / 100
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
