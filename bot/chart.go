package bot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"bellwether/charts"
	"bellwether/pipeline"
)

// Chart is the picture of one outcome: latency second by second against the baseline's band, errors beneath.
func Chart(run pipeline.Run, o pipeline.Outcome, record pipeline.Record, gates []pipeline.Gate) charts.Latency {
	l := charts.Latency{Title: chartTitle(o), Subtitle: subtitle(run, o), Warmup: float64(record.Warmup)}
	for s := range record.Seconds() {
		latency := record.Latency("", s, s+1)
		l.Seconds = append(l.Seconds, float64(s))
		l.P50 = append(l.P50, latency.Quantile(0.50)/1000)
		l.P95 = append(l.P95, latency.Quantile(0.95)/1000)
		l.P99 = append(l.P99, latency.Quantile(0.99)/1000)
		l.Errors = append(l.Errors, errorRate(record, s))
	}
	for _, f := range o.Findings {
		if f.Group == o.Scenario && f.Metric == pipeline.P95 && f.BandHigh > 0 {
			l.Band = charts.Band{Low: []float64{f.BandLow}, High: []float64{f.BandHigh}}
		}
	}
	for _, g := range gates {
		if g.Metric == pipeline.Errors {
			l.ErrorGate = g.Limit
			continue
		}
		l.Gates = append(l.Gates, charts.Gate{Name: string(g.Metric), Value: g.Limit})
	}
	return l
}

func errorRate(record pipeline.Record, second int) float64 {
	w := record.Windows("", second, second+1)[0]
	if w.Requests == 0 {
		return math.NaN()
	}
	return float64(w.Errors) / float64(w.Requests)
}

// chartTitle is the finding, not the axes.
func chartTitle(o pipeline.Outcome) string {
	if f, ok := telling(o); ok {
		return f.Group + ": " + breath(f)
	}
	if o.Reason != "" {
		return fmt.Sprintf("%s: %s, %s", o.Scenario, word(o.Verdict), o.Reason)
	}
	return o.Scenario + ": " + word(o.Verdict)
}

func subtitle(run pipeline.Run, o pipeline.Outcome) string {
	parts := []string{run.Subject(), run.Environment, run.ID, "no baseline yet"}
	if run.Change().Name == "" { // the subject names the environment
		parts = slices.Delete(parts, 1, 2)
	}
	if n := len(o.Baseline); n > 0 {
		parts[len(parts)-1] = "against " + count(n, "earlier run")
	}
	return strings.Join(parts, " · ")
}

// chart posts the picture of an outcome, drawn once.
func (v voice) chart(ctx context.Context, o pipeline.Outcome) error {
	if o.Verdict == pipeline.Failed {
		return nil
	}
	record, err := v.Records.Record(ctx, o.Result)
	if errors.Is(err, ErrNotFound) {
		return nil // expired; it was posted long ago
	}
	if err != nil {
		return fmt.Errorf("chart of %s: %w", o.Scenario, err)
	}
	picture := Chart(v.run, o, record, v.Catalog().Scenarios[o.Scenario].Gates)
	p := &Picture{Key: o.Result, Name: o.Scenario + ".png", Alt: picture.Alt()}
	if err := v.draw(ctx, p.Key, picture); err != nil {
		return err
	}
	return v.want(ctx, "chart/"+o.Scenario, Message{Title: o.Scenario + ", second by second", Picture: p})
}

func (v voice) draw(ctx context.Context, key string, picture charts.Latency) error {
	if _, err := v.Pictures.Picture(ctx, key); !errors.Is(err, ErrNotFound) {
		return err
	}
	png, err := picture.PNG()
	if err != nil {
		return fmt.Errorf("draw %s: %w", key, err)
	}
	return v.Pictures.KeepPicture(ctx, key, png)
}
