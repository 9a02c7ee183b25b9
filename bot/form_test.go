package bot

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLine(t *testing.T) {
	for want, filled := range map[string]map[string][]string{
		"ack R42": {"because": {" \n"}, "until": nil, "scope": {""}},
		"ack R42 scope cart until 2026-12-01 because it is known": {"because": {"it is known"}, "until": {"2026-12-01"}, "scope": {"cart"}},
		"ack R42 only cart pay":                                   {"only": {"cart", "pay"}},
		"ack R42 because of\nan index scope pay":                  {"because": {"of\nan index scope pay"}},
	} {
		require.Equal(t, want, Line("ack R42", filled))
	}
}
