//go:build long

package realload

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

var (
	tableFile = flag.String("realload", "", "the file that TestLongRealLoad writes its confusion matrix to; without it, it tries little")
	baselines = flag.Int("baselines", 10, "how many runs of the unchanged version the confusion matrix is judged against at first")
	runs      = flag.Int("runs", 110, "how many runs the confusion matrix is made of, those in FILE.jsonl included")
)

// TestLongRealLoad tries the clearest situations, or with -realload all of them in turn.
func TestLongRealLoad(t *testing.T) {
	if *tableFile != "" {
		tabulate(t, *tableFile, *runs)
		return
	}
	b := open(t, items(300, 0, 800*time.Millisecond))
	b.learn(t, 3)
	for _, s := range situations {
		if s.version != unchanged && s.name != "40 % slower" || s.crowded {
			continue
		}
		tried := b.try(t, s)
		t.Logf("%+v", tried)
		if s.right == pipeline.Pass {
			require.NotEqual(t, pipeline.Regressed, tried.After, "%+v", tried)
			continue
		}
		require.Equal(t, s.right, tried.After, "%+v", tried)
	}
}

func tabulate(t *testing.T, path string, runs int) {
	tried, err := resume(path + ".jsonl")
	require.NoError(t, err)
	log, err := os.OpenFile(path+".jsonl", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	defer log.Close()
	b := open(t, items(110, 2*time.Second, 10*time.Second))
	b.learn(t, *baselines)
	for len(tried) < runs {
		now := b.try(t, situations[len(tried)%len(situations)])
		t.Logf("%d: %+v", len(tried)+1, now)
		tried = append(tried, now)
		require.NoError(t, json.NewEncoder(log).Encode(now))
		var table bytes.Buffer
		write(&table, tried)
		require.NoError(t, os.WriteFile(path, table.Bytes(), 0o644))
	}
}

// resume is what was tried before, if anything.
func resume(path string) ([]trial, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var tried []trial
	for line := range bytes.Lines(text) {
		var one trial
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("%s, run %d: %w", path, len(tried)+1, err)
		}
		tried = append(tried, one)
	}
	return tried, nil
}

// verdicts are the columns of the matrix.
var verdicts = []pipeline.Verdict{pipeline.Pass, pipeline.Improved, pipeline.Suspect, pipeline.Regressed, pipeline.Inconclusive, pipeline.Invalid}

// write writes the matrix: how often each situation got each verdict, before confirmation and after.
func write(w io.Writer, tried []trial) {
	legs := 0
	for _, one := range tried {
		legs += one.Legs
	}
	fmt.Fprintf(w, "%d runs with real load, judged against earlier ones of the unchanged version, and %d fresh legs. A cell is how many runs had a verdict before and after confirmation.\n\n", len(tried), legs)
	fmt.Fprint(w, "| situation | runs | right |")
	for _, v := range verdicts {
		fmt.Fprintf(w, " %s |", v)
	}
	fmt.Fprint(w, "\n|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range situations {
		row(w, s, tried)
	}
}

func row(w io.Writer, s situation, tried []trial) {
	before, after, all := map[pipeline.Verdict]int{}, map[pipeline.Verdict]int{}, 0
	for _, one := range tried {
		if one.Situation == s.name {
			before[one.Before]++
			after[one.After]++
			all++
		}
	}
	fmt.Fprintf(w, "| %s | %d | %s |", s.name, all, cmp.Or(s.right, "either"))
	for _, v := range verdicts {
		cell := ""
		if before[v]+after[v] > 0 {
			cell = fmt.Sprintf("%d → %d", before[v], after[v])
		}
		fmt.Fprintf(w, " %s |", cell)
	}
	fmt.Fprintln(w)
}

func TestLongMatrixCountsVerdicts(t *testing.T) {
	var table bytes.Buffer
	write(&table, []trial{
		{Situation: "20 % slower", Before: pipeline.Suspect, After: pipeline.Regressed, Legs: 4},
		{Situation: "20 % slower", Before: pipeline.Pass, After: pipeline.Pass},
	})
	require.Contains(t, table.String(), "2 runs with real load, judged against earlier ones of the unchanged version, and 4 fresh legs.")
	require.Contains(t, table.String(), "\n| 20 % slower | 2 | regressed | 1 → 1 |  | 1 → 0 | 0 → 1 |  |  |\n")
}
