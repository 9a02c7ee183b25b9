package strictyaml

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/suggest"
)

func reader() *Reader {
	return &Reader{
		Env: func(name string) (string, bool) {
			value, ok := map[string]string{"PORT": "8080", "PASSWORD": "s3cret: [x", "NOTHING": ""}[name]
			return value, ok
		},
		File: func(path string) ([]byte, error) {
			if path == "etc/token" || path == "/run/token" {
				return []byte("from " + path + "\n"), nil
			}
			return nil, errors.New("no such file")
		},
	}
}

// parse reads "etc/x.yaml" with that text and returns the problems as lines.
func parse(text string, read func(o *Object)) []string {
	r := reader()
	r.Parse("etc/x.yaml", []byte(text)).Object(read)
	var lines []string
	for _, p := range r.Problems() {
		lines = append(lines, p.String())
	}
	return lines
}

func TestValues(t *testing.T) {
	problems := parse(`
text: hello
number: 42
flag: true
wait: 1m30s
list: [a, b]
names: {b: 1, a: 2}
port: "${PORT}"
`, func(o *Object) {
		require.Equal(t, "hello", o.Get("text").Text())
		require.Equal(t, 42, o.Get("number").Int(0, 50))
		require.True(t, o.Get("flag").Bool())
		wait, ok := o.Get("wait").Duration()
		require.True(t, ok)
		require.Equal(t, 90*time.Second, wait)
		require.Equal(t, []string{"a", "b"}, o.Get("list").Strings())
		var names []string
		for name, v := range o.Get("names").Entries() {
			names = append(names, name)
			require.NotZero(t, v.Int(1, 2))
		}
		require.Equal(t, []string{"b", "a"}, names, "in the order of the file")
		require.Equal(t, 8080, o.Get("port").Int(1, 65535), "what comes from outside is whatever is wanted")
		require.False(t, o.Get("absent").Given())
		require.Empty(t, o.Get("absent").Text())
	})
	require.Empty(t, problems)
}

func TestAllProblemsAtOnce(t *testing.T) {
	problems := parse(`text: 5
number: five
flag: yes please
wait: 90
list: a
names: [a]
txet: hello
empty:
text: again
`, func(o *Object) {
		o.Get("text").Text()
		o.Get("number").Int(0, 50)
		o.Get("flag").Bool()
		o.Get("wait").Duration()
		o.Get("list").Strings()
		o.Get("names").Object(func(*Object) {})
		o.Get("empty").Text()
		o.Need("wanted", "a colour such as blue").Text()
	})
	require.Equal(t, []string{
		`etc/x.yaml:1: text: is a number, want text in quotes`,
		`etc/x.yaml:1: wanted: is missing; write a colour such as blue`,
		`etc/x.yaml:2: number: is text, want a whole number from 0 to 50`,
		`etc/x.yaml:3: flag: is text, want true or false`,
		`etc/x.yaml:4: wait: is a number, want a duration such as 90s`,
		`etc/x.yaml:5: list: is text, want a list`,
		`etc/x.yaml:6: names: is a list, want keys with values`,
		`etc/x.yaml:7: txet: unknown key; did you mean text?`,
		`etc/x.yaml:8: empty: is empty, want text in quotes`,
		`etc/x.yaml:9: text: is given twice, first in line 1`,
	}, problems)
}

func TestExpansion(t *testing.T) {
	for written, want := range map[string]string{
		`"${PASSWORD}"`:              "s3cret: [x",
		`"redis://:${PASSWORD}@a"`:   "redis://:s3cret: [x@a",
		`"${file:token}"`:            "from etc/token",
		`"${file:/run/token}"`:       "from /run/token",
		`"$${PASSWORD} ${PORT}"`:     "${PASSWORD} 8080",
		`"$5 for {{.name}} and $$x"`: "$5 for {{.name}} and $$x",
		`"${NOTHING}"`:               "",
	} {
		problems := parse("key: "+written, func(o *Object) {
			require.Equal(t, want, o.Get("key").Text())
		})
		require.Empty(t, problems, written)
	}
}

func TestExpansionProblemsNameTheKeyAndNoSecret(t *testing.T) {
	for written, want := range map[string]string{
		`"${UNSET}"`:        `key: the environment variable UNSET is not set`,
		`"${file:nowhere}"`: `key: cannot read ${file:nowhere}: no such file`,
		`"${PORT"`:          `key: has ${ without an end; write $${ for a plain ${`,
		`"${a b}"`:          `key: ${a b} names no variable; write ${NAME}, ${file:PATH}, or $${ for a plain ${`,
		`"${NOTHING}"`:      `key: is empty; write a duration`,
		`"${PASSWORD}"`:     `key: "${PASSWORD}" is no duration; write for example 90s, 5m or 1h30m`,
	} {
		problems := parse("key: "+written, func(o *Object) {
			if key := o.Need("key", "a duration"); key.Text() != "" {
				key.Duration()
			}
		})
		require.Equal(t, []string{"etc/x.yaml:1: " + want}, problems)
	}
}

func TestUnreadable(t *testing.T) {
	for text, want := range map[string]string{
		"a: {b: c\n":                        `etc/x.yaml:2: is no YAML: did not find expected ',' or '}'`,
		"x: 1\ny: {b: c\nz: 2\n":            `etc/x.yaml:2: is no YAML: did not find expected ',' or '}'`,
		"a:\n\tb: c\n":                      `etc/x.yaml:2: is no YAML: found character that cannot start any token`,
		"a: *nobody\n":                      `etc/x.yaml: is no YAML: unknown anchor 'nobody' referenced`,
		"a: 1\n---\nb: 2\n":                 `etc/x.yaml:2: starts a second document; put it into a file of its own`,
		"- a\n":                             `etc/x.yaml:1: is a list, want keys with values`,
		strings.Repeat("# long\n", 200_000): `etc/x.yaml: is larger than 1 MiB; split it`,
	} {
		problems := parse(text, func(o *Object) { t.Error("nothing of it can be read") })
		require.Equal(t, []string{want}, problems)
	}
}

func TestEmptyFileIsAnEmptyMapping(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n", "---\n", "~\n"} {
		problems := parse(text, func(o *Object) { o.Need("redis", "a URL") })
		require.Equal(t, []string{"etc/x.yaml:1: redis: is missing; write a URL"}, problems, text)
	}
}

func TestAliases(t *testing.T) {
	problems := parse("a: &x [1, 2]\nb: *x\nc: {<<: {d: 1}}\n", func(o *Object) {
		require.Equal(t, []int{1, 2}, List(o.Get("b"), func(v Value) int { return v.Int(0, 9) }))
		o.Get("a").Items()
		o.Get("c").Object(func(*Object) {})
	})
	require.Equal(t, []string{"etc/x.yaml:3: c.<<: merge keys are not understood here; write the keys out"}, problems)
}

func TestAliasBombIsBounded(t *testing.T) {
	bomb := "a: &x [" + strings.Repeat("1,", 2_000) + "1]\nb: [" + strings.Repeat("*x,", 20_000) + "*x]\n"
	read := 0
	problems := parse(bomb, func(o *Object) {
		o.Get("a")
		for item := range o.Get("b").Items() {
			for range item.Items() {
				read++
			}
		}
	})
	require.LessOrEqual(t, read, maxNodes)
	require.Contains(t, problems[0], "its aliases unfold to more than")
}

func TestReaderGivesUp(t *testing.T) {
	problems := parse("list: ["+strings.Repeat("1,", 5000)+"1]\n", func(o *Object) {
		o.At().Warnf("is odd")
		o.Get("list").Strings()
		o.At().Warnf("is long")
	})
	require.Len(t, problems, maxMistakes+2, "warnings do not count")
	require.Contains(t, problems, "etc/x.yaml:1: warning: is long")
	require.Contains(t, strings.Join(problems, "\n"), "list[999]: is a number, want text in quotes (this is problem 1000; the rest is not looked for)")
}

func TestSelfReferenceEnds(t *testing.T) {
	problems := parse("a: &x [*x]\n", func(o *Object) { o.Get("a").Strings() })
	require.Equal(t, []string{"etc/x.yaml:1: a[0]: is a list, want text in quotes"}, problems)
}

func TestOneOfSeveralKeys(t *testing.T) {
	for text, want := range map[string][]string{
		"{a: x}":       nil,
		"{b: x}":       nil,
		"{}":           {"etc/x.yaml:1: is missing one of a, b; write how"},
		"{a: x, b: y}": {"etc/x.yaml:1: b: cannot stand beside a; keep one of them"},
		`{a: ""}`:      {"etc/x.yaml:1: a: is empty; write how"},
		"{c: x, a: x}": {"etc/x.yaml:1: c: unknown key; did you mean a?"},
	} {
		problems := parse(text, func(o *Object) {
			for _, way := range o.One("how", "a", "b") {
				way.Text()
			}
		})
		require.Equal(t, want, problems, text)
	}
}

func TestHint(t *testing.T) {
	known := []string{"rerun", "status", "full", "ack", "cancel", "help"}
	require.Equal(t, "; did you mean cancel?", suggest.Hint("cancle", known))
	require.Equal(t, "; known here: ack, cancel, full, help, rerun, status", suggest.Hint("deploy", known))
	require.Empty(t, suggest.Hint("deploy", nil))
}

func TestProblemAsJSON(t *testing.T) {
	text, err := json.Marshal(Problem{File: "a.yaml", Line: 3, Key: "teams", Text: "is empty", Warning: true})
	require.NoError(t, err)
	require.JSONEq(t, `{"file": "a.yaml", "line": 3, "key": "teams", "text": "is empty", "warning": true}`, string(text))
}
