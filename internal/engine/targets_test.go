package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestMeasureSendsHeadersBodiesAndData(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "users.csv")
	require.NoError(t, os.WriteFile(data, []byte("user, pass\nann,1\nbob,a&b\ncid,3\n"), 0o600))
	shop := open(t, fine)
	s := pipeline.Scenario{Data: data, Load: even(60, 500*time.Millisecond), Targets: []pipeline.Target{
		{
			Name: "in", Method: "POST", Path: "/users/{{.user}}?p={{.pass | urlquery}}", Body: `{"u":"{{.user}}"}`,
			Headers: map[string]string{"x-user": "u-{{.user}}", "Content-Type": "application/json"},
		},
		{Name: "out", Method: "PUT", Path: "/out/{{.user}}"},
	}}
	_, err := engine().Measure(t.Context(), s, shop.env, unseen)
	require.NoError(t, err)
	require.Equal(t, map[string]int{
		"/users/ann?p=1": 5, "/users/bob?p=a%26b": 5, "/users/cid?p=3": 5, "/out/ann": 5, "/out/bob": 5, "/out/cid": 5,
	}, shop.uris())
	for _, r := range shop.seen {
		if user, ok := strings.CutPrefix(r.uri, "/users/"); ok {
			user = user[:3]
			require.Equal(t, "POST", r.method)
			require.JSONEq(t, `{"u":"`+user+`"}`, r.body)
			require.Equal(t, "u-"+user, r.header.Get("X-User"))
			require.Equal(t, "application/json", r.header.Get("Content-Type"))
		} else {
			require.Equal(t, "PUT", r.method)
		}
	}
}

func TestMeasureRefusesAScenarioThatCannotBeRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	users := file("users.csv", "user\nann\n")
	load := even(10, time.Second)
	tests := map[string]struct {
		scenario pipeline.Scenario
		url      string
		want     string
	}{
		"no load":        {pipeline.Scenario{Targets: get("/")}, "", "its load sends no request"},
		"no targets":     {pipeline.Scenario{Load: load}, "", "it has no targets"},
		"no such column": {pipeline.Scenario{Load: load, Data: users, Targets: get("/{{.usr}}")}, "", `target "only": row 1 of its data`},
		"no data":        {pipeline.Scenario{Load: load, Targets: get("/{{.user}}")}, "", `no entry for key "user"`},
		"bad template":   {pipeline.Scenario{Load: load, Targets: get("/{{.user")}, "", `target "only"`},
		"bad method":     {pipeline.Scenario{Load: load, Targets: []pipeline.Target{{Name: "only", Method: "GE T"}}}, "", "invalid method"},
		"bad url":        {pipeline.Scenario{Load: load, Targets: get("/")}, "http://[", `missing ']'`},
		"data gone":      {pipeline.Scenario{Load: load, Data: filepath.Join(dir, "gone.csv"), Targets: get("/")}, "", "no such file"},
		"data empty":     {pipeline.Scenario{Load: load, Data: file("empty.csv", "user\n"), Targets: get("/")}, "", "one with values"},
		"data ragged":    {pipeline.Scenario{Load: load, Data: file("ragged.csv", "a,b\n1\n"), Targets: get("/")}, "", "wrong number of fields"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop := open(t, fine)
			if test.url != "" {
				shop.env.URL = test.url
			}
			test.scenario.Name = "flow"
			_, err := engine().Measure(t.Context(), test.scenario, shop.env, unseen)
			require.ErrorContains(t, err, "scenario flow: ")
			require.ErrorContains(t, err, test.want)
			require.Empty(t, shop.seen)
		})
	}
}
