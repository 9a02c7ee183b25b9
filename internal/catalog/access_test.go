package catalog

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestWhoMayDoWhat(t *testing.T) {
	c, problems := Load("testdata/access", environ)
	require.Empty(t, problems)
	require.Equal(t, map[pipeline.Role][]string{
		"admin":           {"perf-lead", "slack-group:T0TEAM/S0PERF", "entra-group:0a1b2c3d-0000-4000-8000-00000000000e"},
		"release-manager": {"dev-sg"},
	}, c.Roles)
	require.Equal(t, pipeline.Permissions{
		"status": {Roles: []pipeline.Role{pipeline.Anyone}},
		"ack":    {Roles: []pipeline.Role{pipeline.Member, pipeline.OnCall}},
		"full":   {Roles: []pipeline.Role{pipeline.Member}, Cooldown: 30 * time.Minute},
		"hold":   {Roles: []pipeline.Role{pipeline.Admin}},
	}, c.Permissions)
	require.Nil(t, c.Environments["load"].Permissions)
	require.Equal(t, pipeline.Permission{Roles: []pipeline.Role{"release-manager", pipeline.Admin}, Cooldown: 24 * time.Hour}, c.Permission("soak", "full"))
	require.Equal(t, c.Permissions["full"], c.Permission("load", "full"))
	require.Equal(t, []pipeline.Role{pipeline.Member}, c.Permission("load", "cancel").Roles, "the usual one")
}

func TestIdentities(t *testing.T) {
	c, _ := Load("testdata/access", environ)
	require.Equal(t, []pipeline.Channel{{Platform: "slack", Group: "T0OTHER", ID: "C0CHECKOUT"}}, c.Teams["checkout"].Channels)
	lead, known := c.PersonOf("teams", "tenant", "0a1b2c3d-0000-4000-8000-00000000000f")
	require.True(t, known, "Entra writes its ids in small letters")
	require.Equal(t, "perf-lead", lead.Name)
}

func TestARoleIsDefinedOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yaml"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("roles: {admin: [\"slack-group:T0TEAM/S0PERF\"]}\npermissions: {hold: admin}\n"), 0o600))
	}
	c, problems := Load(dir, environ)
	require.Nil(t, c)
	require.Len(t, problems, 2)
	require.Equal(t, "roles.admin", problems[0].Key)
	require.Equal(t, "is already defined at "+filepath.Join(dir, "a.yaml")+":1; keep one of them", problems[0].Text)
	require.Equal(t, "permissions.hold", problems[1].Key)
}
