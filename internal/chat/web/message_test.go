package web

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/chat/sample"
)

// drawn are messages as the page shows them.
func drawn(t *testing.T, said []sample.Spoken) string {
	t.Helper()
	var parts []string
	for i, one := range said {
		p := post{number: i + 1, author: botName, message: one.Message, at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
		html, err := render("message", viewOf(p))
		require.NoError(t, err, one.ID)
		parts = append(parts, "<!-- "+one.ID+" -->\n"+html)
	}
	return strings.Join(parts, "\n\n")
}

func TestEveryMessageIsDrawn(t *testing.T) {
	all := sample.Messages(t)
	require.Greater(t, len(all), 70)
	for kind, said := range all {
		require.NotContains(t, drawn(t, said), "<no value>", kind)
	}
}

func TestMessagesBesideOtherPlatforms(t *testing.T) {
	all := sample.Messages(t)
	for _, kind := range sample.Kinds {
		t.Run(kind, func(t *testing.T) {
			require.NotEmpty(t, all[kind])
			golden(t, filepath.Join("messages", kind+".html"), drawn(t, all[kind]))
		})
	}
	for _, name := range sample.Forms {
		t.Run(name, func(t *testing.T) {
			html, err := render("form", formView{sample.Form(t, name)})
			require.NoError(t, err)
			golden(t, filepath.Join("messages", name+".html"), html)
		})
	}
}
