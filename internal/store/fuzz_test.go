package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestMalformedRun(t *testing.T) {
	good := map[string]string{"record": `{"schema":1}`, "rev": "1", "state": "waiting"}
	for name, test := range map[string]struct{ field, value, want string }{
		"not JSON":     {"record", "{", "redis key bw:run:R1, field record: unexpected end of JSON input"},
		"other type":   {"record", `{"schema":"1"}`, "redis key bw:run:R1, field record: json: cannot unmarshal string"},
		"no record":    {"record", "", "redis key bw:run:R1 was written with schema 0"},
		"newer schema": {"record", `{"schema":3}`, "redis key bw:run:R1 was written with schema 3, this Bellwether knows 2: run the newer version"},
		"rev":          {"rev", "x", "redis key bw:run:R1, field rev: "},
		"word":         {"triaged", "[]", "redis key bw:run:R1, field triaged: "},
		"reminder":     {"reminded", "{", "redis key bw:run:R1, field reminded: "},
		"mark":         {"acknowledged", "[]", "redis key bw:run:R1, field acknowledged: "},
		"time":         {"ended", "noon", "redis key bw:run:R1, field ended: "},
		"not zipped":   {"record", gzipped + "{", "redis key bw:run:R1, field record: unexpected EOF"},
		"half zipped":  {"zipped", gzipped + "{", "redis key bw:run:R1, field zipped: unexpected EOF"},
		"joined":       {"joined", "{", "redis key bw:run:R1, field joined: "},
	} {
		t.Run(name, func(t *testing.T) {
			values := map[string]string{test.field: test.value}
			for field, value := range good {
				if field != test.field {
					values[field] = value
				}
			}
			_, err := decodeRun("R1", &fields{key: "bw:run:R1", values: values})
			require.ErrorContains(t, err, test.want)
		})
	}
}

// Whatever is stored, reading it ends in a value or in an error that names the key.
func FuzzDecode(f *testing.F) {
	f.Add("record", `{"schema":1}`, "joined", `{"image":"a:b"}`)
	f.Add("record", `{"schema":1,"changes":[{"name":"a"}]}`, "joined", `{"image":"a:b","title":"t"}`)
	f.Add("record", `{"schema":1}`, "supersedes", `R1,R2`)
	f.Add("record", `{"schema":1}`, "regression/cart/p95", `{"id":"R1/cart/p95","level":0.3}`)
	f.Add("regression//", `{}`, "ended//", `{"as":"fixed","mark":{"by":"slack:U1"}}`)
	f.Add("triaged/cart", `{"as":"expected"}`, "reminded", `{"name":"Anna"},{}`)
	f.Add("content", `{"id":"m"}`, "attempted", `2026-11-23T12:00:00Z`)
	f.Add("version", `1e9`, "cancel", `{"by":1}`)
	f.Fuzz(func(t *testing.T, field, value, other, another string) {
		values := map[string]string{field: value, other: another}
		run, err := decodeRun("R1", &fields{key: "bw:run:R1", values: values})
		named(t, err, "bw:run:R1")
		if err == nil {
			_, _, err := encodeRun(run)
			require.NoError(t, err)
			run.State = pipeline.Done
			_, _, err = encodeRun(run)
			require.NoError(t, err)
		}
		levels := &fields{key: "bw:levels:load/cart", values: values}
		levels.levels()
		named(t, levels.err, "bw:levels:load/cart")
		_, err = decodeLetter(&fields{key: "bw:letter:m", values: values})
		named(t, err, "bw:letter:m")
	})
}

func FuzzUnzip(f *testing.F) {
	good, err := zip(record)
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte("junk"))
	f.Fuzz(func(t *testing.T, zipped []byte) {
		var got, back pipeline.Record
		if unzip(zipped, &got) != nil {
			return
		}
		again, err := zip(got)
		require.NoError(t, err)
		require.NoError(t, unzip(again, &back))
		require.Equal(t, pipeline.Summarise(got), pipeline.Summarise(back))
	})
}

func named(t *testing.T, err error, key string) {
	t.Helper()
	require.True(t, err == nil || strings.Contains(err.Error(), "redis key "+key), err)
}
