package stats_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bellwether/internal/stats"
)

func TestHistogramSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := histograms().Draw(t, "h")
		text, err := json.Marshal(h)
		require.NoError(t, err)
		var back stats.Histogram
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, h, back)
	})
}

func TestEmptyHistogramSurvivesJSON(t *testing.T) {
	text, err := json.Marshal(stats.Histogram(nil))
	require.NoError(t, err)
	require.Equal(t, `""`, string(text))
	var back stats.Histogram
	require.NoError(t, json.Unmarshal(text, &back))
	require.Nil(t, back)
}

// The encoding is stored in Redis and read by other versions: it must not change unnoticed.
func TestHistogramTextIsStable(t *testing.T) {
	text, err := stats.Histogram{{Value: 0, Count: 1}, {Value: 1, Count: 2}, {Value: 302, Count: 128}}.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "AAEAAqwCgAE", string(text)) // 0 1, 0 2, 300 128 as varints
}

func TestOneSecondIsSmall(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]int64, 50)
	for i := range values {
		values[i] = int64(20_000 * math.Exp(0.5*random.NormFloat64()))
	}
	text, err := json.Marshal(stats.FromHDR(record(t, values)))
	require.NoError(t, err)
	require.Less(t, len(text), 220)
}

func TestUnsoundHistogramIsNotWritten(t *testing.T) {
	for name, h := range map[string]stats.Histogram{
		"descending":      {{Value: 2, Count: 1}, {Value: 1, Count: 1}},
		"twice":           {{Value: 2, Count: 1}, {Value: 2, Count: 1}},
		"negative value":  {{Value: -1, Count: 1}},
		"without samples": {{Value: 1, Count: 0}},
		"negative count":  {{Value: 1, Count: -1}},
		"value too large": {{Value: math.MaxInt64, Count: 1}},
		"sum too large":   {{Value: 1, Count: math.MaxInt64}, {Value: 2, Count: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.MarshalText()
			require.ErrorContains(t, err, "encode histogram: bin ")
		})
	}
}

func TestMalformedHistogramIsRefused(t *testing.T) {
	huge := "\xff\xff\xff\xff\xff\xff\xff\xff\x7f" // MaxInt64
	for name, c := range map[string]struct{ raw, problem string }{
		"value without count": {"\x01", "ends within a number"},
		"cut varint":          {"\x01\x80", "ends within a number"},
		"no samples":          {"\x01\x00", "positive counts"},
		"varint of 11 bytes":  {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01", "63 bits"},
		"value too large":     {huge + "\x01", "63 bits"},
		"values run over":     {"\x05\x01" + huge[:8] + "\x7f\x01", "63 bits"},
		"counts run over":     {"\x01" + huge + "\x01\x01", "63 bits"},
	} {
		t.Run(name, func(t *testing.T) {
			h := stats.Histogram{{Value: 7, Count: 7}}
			err := h.UnmarshalText([]byte(base64.RawURLEncoding.EncodeToString([]byte(c.raw))))
			require.ErrorContains(t, err, "decode histogram: ")
			require.ErrorContains(t, err, c.problem)
			require.Equal(t, stats.Histogram{{Value: 7, Count: 7}}, h, "left as it was")
		})
	}
	for _, text := range []string{`"!"`, `"A"`, `7`, `[{"Value":1,"Count":1}]`} {
		require.Error(t, json.Unmarshal([]byte(text), new(stats.Histogram)), text)
	}
}

func FuzzHistogramText(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("AAEAAqwCgAE"))
	f.Add([]byte("gICAgICAgICAAQE"))
	f.Add([]byte("=\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var h, back stats.Histogram
		if h.UnmarshalText(text) != nil {
			return
		}
		require.LessOrEqual(t, 16*cap(h), 8*len(text), "memory")
		again, err := h.MarshalText()
		require.NoError(t, err, "what was read can be written")
		require.NoError(t, back.UnmarshalText(again))
		require.Equal(t, h, back)
	})
}
