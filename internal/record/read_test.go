package record

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/stats"
	"bellwether/pipeline"
)

func TestFilesThatAreNone(t *testing.T) {
	var whole bytes.Buffer
	require.NoError(t, File{Run: "R1", Scenario: "flow", Record: measured(1, 1)}.Write(&whole))
	damaged := bytes.Clone(whole.Bytes())
	damaged[len(damaged)/2] ^= 0xff
	for name, tc := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":             {nil, "it is empty"},
		"text":              {[]byte("hello"), "not a file that this version understands"},
		"an array":          {[]byte("[]"), "not a file that this version understands"},
		"k6's JSON":         {[]byte(`{"type":"Metric","data":{},"metric":"vus"}`), "k6 recorded no finished request in it"},
		"CSV":               {[]byte("name,timestamp\n"), "not a file that this version understands"},
		"gzip of nothing":   {zipped(t, ""), "it is empty"},
		"gzip of gzip":      {zipped(t, whole.String()), "not a file that this version understands"},
		"cut":               {whole.Bytes()[:whole.Len()/2], "cut off after "},
		"cut in its head":   {whole.Bytes()[:5], "unpack: "},
		"damaged":           {damaged, ""},
		"another format":    {[]byte(`{"bellwether":2}`), "format 2, of another version of Bellwether; this one reads format 1"},
		"wrong type":        {[]byte("{\"bellwether\":1,\n\"run\":7}"), "line 2, byte 24: "},
		"broken":            {[]byte("{\"bellwether\":1,\n\n\"run\":}"), "line 3, byte 25: "},
		"unfinished":        {[]byte(`{"bellwether":1,"run":"R1"`), "line 1, byte 26: unexpected end of JSON input"},
		"more behind it":    {[]byte(`{"bellwether":1,"run":"R1","scenario":"x"}{}`), "invalid character"},
		"no run":            {[]byte(`{"bellwether":1,"scenario":"x"}`), "run or scenario is missing"},
		"terminal control":  {[]byte(`{"bellwether":1,"run":"R1","scenario":"\u001b[2J"}`), "a name has control characters"},
		"control in a gate": {[]byte(`{"bellwether":1,"run":"R1","scenario":"x","gates":[{"metric":"\u001b[2J"}]}`), "a name has control characters"},
		"warm-up of years":  {[]byte(`{"bellwether":1,"run":"R1","scenario":"x","record":{"warmup":9000000000000000}}`), "record.warmup: 9000000000000000 of 0 s"},
		"negative warm-up":  {[]byte(`{"bellwether":1,"run":"R1","scenario":"x","record":{"warmup":-9}}`), "record.warmup: -9 of 0 s"},
		"negative requests": {[]byte(`{"bellwether":1,"run":"R1","scenario":"x","record":{"generator":[{"sent":-1}]}}`), "record.generator[0]: a negative number"},
		"no latencies":      {oneCell(`"!"`), "decode histogram: "},
		"latencies cut":     {oneCell(`"AQ"`), "decode histogram: it ends within a number"},
		"too deep":          {[]byte(`{"bellwether":1,"versions":` + strings.Repeat(`{"a":`, 20_000)), "line 1, byte "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(tc.content))
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func oneCell(latency string) []byte {
	return []byte(`{"bellwether":1,"run":"R1","scenario":"x","record":{"generator":[{}],"series":[{"target":"a","cells":[{"s":0,"latency":` + latency + `}]}]}}`)
}

func zipped(t *testing.T, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestABombIsNotUnpacked(t *testing.T) {
	bomb := zipped(t, `{"bellwether":1,"run":"`+strings.Repeat("x", 3<<20)+`"}`)
	require.Less(t, len(bomb), 1<<14)
	_, err := read(bytes.NewReader(bomb), 1<<20)
	require.ErrorContains(t, err, "more than 1 MiB, as no result has")
}

func TestErrorsNameTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.json")
	require.NoError(t, os.WriteFile(path, []byte("hello"), 0o600))
	_, err := Open(path)
	require.ErrorContains(t, err, "mine.json: not a file that this version understands")
	_, err = Open(path + ".none")
	require.ErrorContains(t, err, "mine.json.none: no such file")
}

func TestFilesCanBeReadUnpacked(t *testing.T) {
	text, err := json.Marshal(File{Format: format, Run: "R1", Scenario: "flow", Record: measured(1, 1)})
	require.NoError(t, err)
	f, err := Read(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, 45, f.Record.Seconds())
}

// Whatever is in a file, it is refused or judged: nothing crashes.
func FuzzFile(f *testing.F) {
	for _, file := range []File{
		{Format: format, Run: "R1", Scenario: "flow"},
		{Format: format, Run: "R1", Scenario: "flow", Baseline: []string{"R0"}, Past: []Earlier{{Run: "R7"}}, Gates: []Gate{{pipeline.P95, 1}}, Record: pipeline.Record{
			Generator: []pipeline.Tick{{Offered: 1, Sent: 1}}, Series: []pipeline.Series{{Target: "a", Cells: []pipeline.Cell{{Latency: stats.Histogram{{Value: 1, Count: 1}}}}}},
		}},
	} {
		text, err := json.Marshal(file)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := read(bytes.NewReader(text), 1<<20)
		if err != nil {
			return
		}
		baselines := []File{file, file, file}
		for i := range baselines {
			baselines[i].Run = fmt.Sprint("B", i)
		}
		if outcomes, err := Judge(baselines, []File{file}); err == nil {
			require.Len(t, outcomes, 1)
		}
	})
}
