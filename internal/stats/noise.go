package stats

import "math"

// Noise is how much a metric is known to differ between runs of the same code. The zero Noise means not learned: there
// is no prior.
type Noise struct {
	Sigma float64 // s0: standard deviation of ln(metric) between runs; 0.05 is 5 %
	DF    float64 // v0: its weight in degrees of freedom
}

const (
	runsToLearn = 20 // fewer runs say too little about the noise
	priorDF     = 5  // weight of what was learned: far less than was seen, for environments change
)

// LearnNoise learns the noise of one metric from groups of comparable runs, a group being runs between which nothing
// changed that counts: raw values, one a run. It is the variance within groups pooled over all of them,
//
//	s0^2 = sum over groups of sum (y - mean y)^2 / sum over groups of (n - 1),  y = ln(metric), v0 = 5
//
// from at least 20 runs in groups of two or more; with fewer, or with no variance at all, it is the zero Noise.
// Source: pooled variance, Snedecor & Cochran, Statistical Methods, 8th ed. (1989).
func LearnNoise(groups [][]float64) Noise {
	var pooled spread
	runs := 0
	for _, group := range groups {
		ys := logs(group)
		if len(ys) < 2 {
			continue
		}
		_, squares := meanSquares(ys)
		pooled = pooled.plus(squares, len(ys)-1)
		runs += len(ys)
	}
	if runs < runsToLearn || pooled.squares == 0 {
		return Noise{}
	}
	return Noise{Sigma: math.Sqrt(pooled.squares / pooled.df), DF: priorDF}
}

// spread gives n as the estimate of a variance that is times as large.
func (n Noise) spread(times float64) spread {
	if !(n.Sigma > 0 && n.DF > 0) {
		return spread{}
	}
	return spread{squares: n.DF * times * n.Sigma * n.Sigma, df: n.DF}
}

// spread is an estimate of a variance, squares/df, that others can be pooled into.
type spread struct{ squares, df float64 }

// plus pools a sum of squared deviations with df degrees of freedom into s.
func (s spread) plus(squares float64, df int) spread {
	if df <= 0 {
		return s
	}
	return spread{squares: s.squares + squares, df: s.df + float64(df)}
}
