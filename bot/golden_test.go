package bot

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestHoldsReadAsBefore(t *testing.T) {
	for name, change := range map[string]func(*pipeline.Hold){
		"hold": func(*pipeline.Hold) {},
		"hold-released": func(h *pipeline.Hold) {
			h.Released = &pipeline.Mark{By: "slack:U0DEVSG", Name: "dev-sg", At: noon.Add(time.Hour)}
		},
		"hold-expired": func(h *pipeline.Hold) { h.Released = &pipeline.Mark{Name: "its time ran out", At: h.Until} },
		"hold-unwell": func(h *pipeline.Hold) {
			h.Run, h.Until, h.By = "R42", time.Time{}, pipeline.Mark{Name: "Bellwether", At: noon, Because: "the apply of orders-db 2.4.0 broke half-way"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			hold := held
			change(&hold)
			m := newMemory()
			require.NoError(t, newBot(m).TellHold(t.Context(), hold))
			compare(t, name, m)
		})
	}
}

func TestMessagesReadAsBefore(t *testing.T) {
	for name, run := range said {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			for _, o := range run.Outcomes {
				m.records[o.Result], m.pictures[o.Result] = record(), []byte("drawn before")
			}
			require.NoError(t, newBot(m).Tell(t.Context(), run))
			compare(t, name, m)
		})
	}
}

func TestRefusalReadsAsBefore(t *testing.T) {
	m := newMemory()
	b := newBot(m)
	for range 2 {
		require.NoError(t, b.Refuse(t.Context(), "6a09e667", "it was not tested", `detail.kind: "gadget" is neither service nor stack`))
	}
	require.Len(t, m.wanted, 1, "an event that comes again is refused once")
	compare(t, "refused", m)
}

// spoken is a message as testdata/messages has it for the adapters, which draw all of them.
type spoken struct {
	ID      string  `json:"id"` // of the intent
	Message Message `json:"message"`
}

// compare what is wanted with the golden files: as text here, and as data where the adapters find it.
func compare(t *testing.T, name string, m *memory) {
	t.Helper()
	var text, data strings.Builder
	var all []spoken
	for _, id := range m.wanted {
		o := m.letters[id]
		fmt.Fprintf(&text, "──── %s", id)
		if wait := m.due[id].Sub(noon); wait > 0 {
			fmt.Fprintf(&text, " (may wait %s)", wait)
		}
		fmt.Fprintf(&text, "\n%s\n%s\n", o.Message, buttons(o.Message))
		all = append(all, spoken{id, o.Message})
	}
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	require.NoError(t, encoder.Encode(all))
	same(t, filepath.Join("testdata", name+".golden"), text.String())
	same(t, filepath.Join("..", "testdata", "messages", name+".json"), data.String())
}

func same(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "if this is better than before: go test ./bot -update, and read the diff")
}

func buttons(m Message) string {
	var labels []string
	for _, a := range m.Actions {
		labels = append(labels, "["+a.Label+": "+a.Command+"]")
	}
	return strings.Join(labels, " ")
}
