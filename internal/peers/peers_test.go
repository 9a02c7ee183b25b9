package peers

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSQSCreatesAQueue(t *testing.T) {
	r, err := http.PostForm(SQS(t), url.Values{"Action": {"CreateQueue"}, "QueueName": {"changes"}})
	require.NoError(t, err)
	defer r.Body.Close()
	require.Less(t, r.StatusCode, 500)
}

func TestRedisTakesOptions(t *testing.T) {
	require.True(t, pongs(Redis(t, "--appendonly", "yes")))
}

func TestSlackKeepsWhatIsSaid(t *testing.T) {
	s := NewSlack(t, "")
	ts := s.Say(SlackChannel, "", "hello")
	got := s.Messages(SlackChannel)
	require.Len(t, got, 1)
	require.Equal(t, ts, got[0].TS)
	require.Equal(t, "hello", got[0].Text)
}

// A peer is gone when its test is.
func TestPeersEnd(t *testing.T) {
	var address string
	t.Run("while it runs", func(t *testing.T) { address = Redis(t) })
	require.False(t, pongs(address))
	_, err := net.Dial("tcp", address)
	require.ErrorContains(t, err, "refused", strings.Join([]string{"redis at", address, "still listens"}, " "))
}
