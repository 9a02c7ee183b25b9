package catalog

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/strictyaml"
)

// FuzzCatalog: whatever stands in the file, it is either a catalog or refused with a reason.
func FuzzCatalog(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.yaml", "testdata/*/*.yml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "catalog.yaml")
		require.NoError(t, os.WriteFile(file, text, 0o644))
		c, problems := Load(file, environ)
		require.Equal(t, c == nil, strictyaml.Refused(problems))
		if c == nil {
			return
		}
		for _, s := range c.Scenarios {
			require.NotEmpty(t, s.Targets)
			require.Greater(t, s.Load.Duration(), s.Load.Warmup)
		}
		for _, team := range c.Teams {
			require.NotNil(t, team.Zone)
			require.NotEmpty(t, team.Channels)
		}
		for _, thing := range c.Things() {
			require.Contains(t, c.Teams, thing.Team)
			require.NotEmpty(t, thing.Environments)
			require.NotEmpty(t, thing.Tags)
		}
		for _, s := range c.Services {
			require.GreaterOrEqual(t, s.Budget, leastBudget)
			for _, name := range s.Environments {
				where, automatic := destinations[s.Deploy.Platform()]
				require.True(t, !automatic || s.Image != "" && where.in(c.Environments[name]))
			}
		}
		for _, s := range c.Stacks {
			require.True(t, s.Apply == nil || (s.Apply.Command == nil) != (s.Apply.Terraform == nil))
		}
	})
}
