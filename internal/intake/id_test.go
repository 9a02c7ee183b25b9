package intake

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheIDOfAChangeStandsForTheEnvelopes(t *testing.T) {
	same := func(s string) string { return s }
	event, err := Decode([]byte(`{"id":"of-the-bus","detail-type":"Bellwether Change","detail":{"id":"github-1","kind":"service","name":"checkout","revision":"1f6c"}}`), same, func(string) bool { return false })
	require.NoError(t, err)
	require.Equal(t, "github-1", event.Change.EventID)
}
