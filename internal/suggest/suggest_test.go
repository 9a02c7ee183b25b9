package suggest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	verbs := []string{"status", "rerun", "full", "ack", "acknowledge", "cancel", "help"}
	for word, want := range map[string]string{
		"statsu": "status", "Rerum": "rerun", "cancle": "cancel", "akc": "ack", "helpp": "help", "acknowlege": "acknowledge",
		"deploy": "", "": "", "x": "", "status": "status",
	} {
		require.Equal(t, want, Nearest(word, verbs), word)
	}
	require.Empty(t, Nearest(string(make([]byte, 1000)), verbs))
}
