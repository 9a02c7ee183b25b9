package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

func TestInstallations(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		first := bot.Installation{
			Team: "19:shop@thread.tacv2", Group: "0f3a", ServiceURL: "https://smba.trafficmanager.net/emea/", Tenant: "t1", Name: "Shop",
		}
		second := first
		second.ServiceURL = "https://smba.trafficmanager.net/amer/"
		_, err := s.Installation(t.Context(), first.Team)
		require.ErrorIs(t, err, bot.ErrNotFound)
		for _, i := range []bot.Installation{first, second} {
			require.NoError(t, s.KeepInstallation(t.Context(), i))
			for _, id := range []string{first.Team, first.Group} {
				got, err := s.Installation(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, i, got, "the newer one replaces the older one")
			}
		}
		require.NoError(t, s.KeepInstallation(t.Context(), bot.Installation{Team: "19:other@thread.tacv2"}))
		for _, unknown := range []string{"", "0f3b"} {
			_, err = s.Installation(t.Context(), unknown)
			require.ErrorIs(t, err, bot.ErrNotFound)
		}
	})
}
