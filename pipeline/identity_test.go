package pipeline_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestAMergeAndItsImageAreOneChange(t *testing.T) {
	for name, c := range map[string]struct {
		template, tag string
		joins         bool
	}{
		"the revision":         {"{{.Revision}}", sha, true},
		"short":                {"{{slice .Revision 0 7}}", "0123456", true},
		"printf":               {`{{printf "%.12s" .Revision}}-amd64`, "0123456789ab-amd64", true},
		"no template":          {"", sha, true},
		"another revision":     {"{{slice .Revision 0 7}}", "7654321", false},
		"too long for it":      {"{{slice .Revision 0 99}}", "0123456", false},
		"a template that errs": {"{{.Nothing}}", sha, true},
	} {
		for _, order := range []string{"merge first", "image first"} {
			t.Run(name+", "+order, func(t *testing.T) {
				s, q := desk()
				checkout := s.Catalog().Services["checkout"]
				checkout.ImageTag, checkout.Environments = c.template, []string{"load"}
				s.Catalog().Services["checkout"] = checkout
				changes := []pipeline.Change{merge("e1", sha), image("e2", c.tag)}
				want := pipeline.Joined
				if order == "image first" {
					slices.Reverse(changes)
					want = pipeline.Repeated
				}
				if !c.joins {
					want = pipeline.Accepted
				}
				_, err := s.Submit(t.Context(), changes[0])
				require.NoError(t, err)
				receipts, err := s.Submit(t.Context(), changes[1])
				require.NoError(t, err)
				require.Equal(t, want, receipts[0].Outcome)
				if c.joins {
					require.Contains(t, q.runs["R1"].Change().Image, c.tag)
				}
			})
		}
	}
}

func TestARevisionThatIsToldWinsOverTheTag(t *testing.T) {
	s, q := desk()
	change := image("e1", "build-17")
	change.Revision = sha
	_, err := s.Submit(t.Context(), change)
	require.NoError(t, err)
	require.Equal(t, sha, q.subs[0].Key)
}

func TestATagThatIsPushedAgainIsAnotherChange(t *testing.T) {
	const latest, digest = "registry.example:5000/shop/checkout:latest", "@sha256:ab"
	for name, c := range map[string]struct{ template, revision, image, key string }{
		"tag":                      {"", "", latest, "latest"},
		"tag and digest":           {"", "", latest + digest, "latest@sha256:ab"},
		"digest":                   {"", "", "registry.example:5000/shop/checkout" + digest, "sha256:ab"},
		"revision told":            {"", sha, latest + digest, sha},
		"tags that name revisions": {"{{.Revision}}", "", latest + digest, "latest"},
		"and the revision told":    {"v{{.Revision}}", sha, latest + digest, "v" + sha},
	} {
		t.Run(name, func(t *testing.T) {
			s, q := desk()
			checkout := s.Catalog().Services["checkout"]
			checkout.ImageTag = c.template
			s.Catalog().Services["checkout"] = checkout
			_, err := s.Submit(t.Context(), pipeline.Change{Kind: pipeline.KindService, Image: c.image, Revision: c.revision})
			require.NoError(t, err)
			require.Equal(t, c.key, q.subs[0].Key)
			if c.revision == "" {
				require.NotContains(t, q.subs[0].Run.Change().Revision, "@", "people know it by its tag")
			}
		})
	}
}
