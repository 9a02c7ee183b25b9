package tally

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
	"bellwether/pipeline"
)

const noon = int64(1_795_435_200)

func request(second int64, took int64) Request {
	return Request{Start: (noon + second) * int64(time.Second), Took: took, Status: 200}
}

// The histograms are those that our own engine would have made, in whatever order requests come.
func TestHistogramsAreHdrHistograms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		took := rapid.SliceOfN(rapid.Int64Range(-5, 2*longest), 1, 500).Draw(t, "took")
		var tally Tally
		exact := hdrhistogram.New(1, longest, 3)
		for _, µs := range took {
			require.NoError(t, tally.Add(tally.Target(nil, nil, []byte("a")), request(0, µs)))
			require.NoError(t, exact.RecordValue(max(1, min(µs, longest))))
		}
		require.Equal(t, stats.FromHDR(exact), tally.Record().Latency("", 0, 1))
	})
}

func TestRequestsMayComeInAnyOrder(t *testing.T) {
	var tally Tally
	for _, second := range []int64{5, 3, 9, 3, 5} {
		require.NoError(t, tally.Add(tally.Target(nil, nil, []byte("a")), request(second, 1000*second)))
	}
	r := tally.Record()
	require.Equal(t, time.Unix(noon+3, 0).UTC(), r.Start)
	var counts []int64
	for _, tick := range r.Generator {
		require.Equal(t, tick.Sent, tick.Offered)
		counts = append(counts, tick.Sent)
	}
	require.Equal(t, []int64{2, 0, 2, 0, 0, 0, 1}, counts)
	require.EqualValues(t, 5000, r.Latency("", 2, 3)[0].Value/1000*1000)
}

// What is too large is kept in longer steps and with fewer targets, and every request is counted still.
func TestMemoryIsBounded(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, tc := range map[string]struct{ requests, targets, seconds int }{
		"many seconds":    {60_000, 30, 100_000},
		"many targets":    {100_000, 5_000, 600},
		"a short moment":  {400_000, 50, 10},
		"a single target": {100_000, 1, 40_000},
	} {
		t.Run(name, func(t *testing.T) {
			var tally Tally
			most := 0
			for i := range tc.requests {
				target := fmt.Appendf(nil, "target %d", random.IntN(tc.targets))
				r := request(int64(random.IntN(tc.seconds)), 1+random.Int64N(1<<uint(10+random.IntN(20))))
				r.Status, r.Failed = 100*random.IntN(7), i%3 == 0
				if err := tally.Add(tally.Target(nil, nil, target), r); err != nil {
					t.Fatal(err)
				}
				most = max(most, tally.spent)
			}
			require.LessOrEqual(t, most, budget)
			require.LessOrEqual(t, tally.weigh(), budget)
			require.LessOrEqual(t, len(tally.order), maxTargets+1)
			r := tally.Record()
			all := pipeline.Summarise(r)[""]
			require.EqualValues(t, tc.requests, all.Requests)
			require.EqualValues(t, (tc.requests+2)/3, all.Errors)
			require.NotEmpty(t, tally.Notes())
			require.GreaterOrEqual(t, r.Seconds()*max(1, r.Step), tc.seconds)
			require.Less(t, (r.Seconds()-2)*max(1, r.Step), tc.seconds)
		})
	}
}

func TestDroppedRoundsAreBounded(t *testing.T) {
	var tally Tally
	const seconds = 600_000
	for second := range int64(seconds) {
		if err := tally.Drop((noon+second)*1e9, 1); err != nil {
			t.Fatal(err)
		}
	}
	require.LessOrEqual(t, tally.spent, budget)
	require.Less(t, len(tally.dropped), budget/perStep)
	require.NoError(t, tally.Add(tally.Target(nil, nil, nil), request(0, 1)))
	var offered int64
	for _, tick := range tally.Record().Generator {
		offered += tick.Offered
	}
	require.EqualValues(t, seconds+1, offered)
}

func TestShrinkingChangesNoQuantile(t *testing.T) {
	var whole, shrunk Tally
	for i := range int64(20_000) {
		for _, tally := range []*Tally{&whole, &shrunk} {
			require.NoError(t, tally.Add(tally.Target(nil, nil, fmt.Append(nil, i%40)), request(i%900, 1+i*i%1_000_003)))
		}
		if i%5000 == 4999 {
			shrunk.double()
			shrunk.giveUp()
		}
	}
	before, after := whole.Record(), shrunk.Record()
	require.Equal(t, 16, after.Step)
	require.Equal(t, before.Latency("", 0, before.Seconds()), after.Latency("", 0, after.Seconds()))
}

func TestRoundingKeepsQuantilesWithinOnePercent(t *testing.T) {
	var whole, rounded Tally
	for i := range int64(20_000) {
		for _, tally := range []*Tally{&whole, &rounded} {
			require.NoError(t, tally.Add(tally.Target(nil, nil, nil), request(i%9, 1+i*i%1_000_003)))
		}
		if i == 10_000 {
			rounded.round()
		}
	}
	before, after := whole.Record(), rounded.Record()
	for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 0.999} {
		require.InEpsilon(t, before.Latency("", 0, 9).Quantile(q), after.Latency("", 0, 9).Quantile(q), 0.008)
	}
	require.Less(t, len(after.Latency("", 0, 9)), len(before.Latency("", 0, 9))/4)
}

func TestTargetsAreNamedByWhatIsNotEmpty(t *testing.T) {
	for _, tc := range []struct {
		targets  [][3]string
		scenario string
		names    []string
	}{
		{[][3]string{{"buy", "", "cart"}, {"buy", "pay", "order"}}, "buy", []string{"cart", "pay/order"}},
		{[][3]string{{"buy", "g", "cart"}, {"look", "", "cart"}}, "all", []string{"buy/g/cart", "look/cart"}},
		{[][3]string{{"", "", ""}}, "all", []string{"unnamed"}},
		{[][3]string{{"", "", "a\x1b[2J\xff"}}, "all", []string{"a�[2J�"}},
		{[][3]string{{"", "", strings.Repeat("x", 1<<20)}}, "all", []string{strings.Repeat("x", maxName)}},
	} {
		var tally Tally
		for _, target := range tc.targets {
			require.NoError(t, tally.Add(tally.Target([]byte(target[0]), []byte(target[1]), []byte(target[2])), request(0, 1)))
		}
		require.Equal(t, tc.scenario, tally.Scenario())
		var names []string
		for _, s := range tally.Record().Series {
			names = append(names, s.Target)
		}
		require.Equal(t, tc.names, names)
	}
}

func TestLoadsThatNobodyRan(t *testing.T) {
	var tally Tally
	target := tally.Target(nil, nil, nil)
	require.NoError(t, tally.Add(target, request(0, 1)))
	require.NoError(t, tally.Add(target, request(7*24*3600, 1)))
	require.ErrorContains(t, tally.Add(target, request(7*24*3600+1, 1)), "no load lasts longer than 7 days")
	require.ErrorContains(t, tally.Drop((noon-1)*1e9, 1), "no load lasts longer than 7 days")
}

func TestWhatWasDroppedWasOffered(t *testing.T) {
	var tally Tally
	for range 6 {
		require.NoError(t, tally.Add(tally.Target(nil, nil, nil), request(1, 1)))
	}
	tally.Iterate(3)
	require.NoError(t, tally.Drop((noon+2)*1e9, 2))
	r := tally.Record()
	require.Equal(t, []pipeline.Tick{{Offered: 6, Sent: 6}, {Offered: 4}}, r.Generator)
}
