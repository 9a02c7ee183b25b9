package connector

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMembersOfATenant(t *testing.T) {
	const ours = "AAAA-1"
	for name, test := range map[string]struct {
		member Member
		want   bool
	}{
		"user":                    {Member{Role: "user", Tenant: ours}, true},
		"tenant in other letters": {Member{Role: "user", Tenant: "aaaa-1"}, true},
		"of another tenant":       {Member{Role: "user", Tenant: "other"}, false},
		"of no tenant":            {Member{Role: "user"}, false},
		"guest":                   {Member{Role: "guest", Tenant: ours}, false},
		"anonymous":               {Member{Role: "anonymous", Tenant: ours}, false},
		"new role":                {Member{Role: "owner", Tenant: ours, Login: "ana@shop.example"}, false},
		"no role":                 {Member{Tenant: ours, Login: "ana@shop.example"}, true},
		"no role, a guest":        {Member{Tenant: ours, Login: "ana_club.example#ext#@shop.example"}, false},
		"no role, another tenant": {Member{Tenant: "other", Login: "ana@shop.example"}, false},
		"neither role nor name":   {Member{Tenant: ours}, false},
		"role wins over the name": {Member{Role: "user", Tenant: ours, Login: "ana_club.example#EXT#@shop.example"}, true},
	} {
		require.Equal(t, test.want, test.member.Of(ours), name)
	}
}

func TestEntrasIDHasTwoNames(t *testing.T) {
	require.Equal(t, "a", Member{Object: "a"}.User())
	require.Equal(t, "a", Member{Listed: "a"}.User())
	require.Empty(t, Member{}.User())
}
