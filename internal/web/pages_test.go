package web

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "write the golden files afresh")

func TestPageLooksAsBefore(t *testing.T) {
	for name, run := range map[string]pipeline.Run{
		"waiting": waiting(), "deploy-failed": deployFailed(), "regressed": regressed(),
	} {
		t.Run(name, func(t *testing.T) {
			p := pages(t, shelved(run))
			answer := p.get(p.RunURL("R42"))
			require.Equal(t, http.StatusOK, answer.Code)
			require.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
			golden := filepath.Join("testdata", name+".html")
			got := strings.NewReplacer(style, "/* page.css */", script, "/* page.js */").Replace(answer.Body.String())
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}
