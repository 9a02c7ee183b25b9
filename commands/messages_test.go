package commands

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// What the other tests read in parts is here for the adapters.
func TestAnswersAsAdaptersDrawThem(t *testing.T) {
	for name, line := range map[string]string{"help": "help", "status": "status"} {
		d, l := busy()
		l.hold = &pipeline.Hold{Environment: "soak", By: pipeline.Mark{Name: "jo", At: noon, Because: "of an upgrade"}}
		reply := d.Do(t.Context(), siti, line)
		require.True(t, reply.Private)
		golden(t, name, []example{{line, reply.Message}})
	}
}
