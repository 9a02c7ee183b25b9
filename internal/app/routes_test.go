package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bellwether/internal/catalog"
)

// Whose service a catalog's mistake is in is nobody's business outside, once there is an inside.
func TestReadiness(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.yaml")
	require.NoError(t, os.WriteFile(file, []byte("teams: {checkout: {zone: Europe/London, chat: {web: checkout}}}\n"), 0o600))
	source, _ := catalog.Open(file, os.LookupEnv, slog.New(slog.DiscardHandler))
	require.NotNil(t, source)
	source.Every = time.Millisecond
	go source.Watch(t.Context())
	memory := miniredis.RunT(t)
	s := &server{catalog: source, redis: redis.NewClient(&redis.Options{Addr: memory.Addr(), MaxRetries: -1}), log: slog.New(slog.DiscardHandler)}
	defer s.close()

	require.JSONEq(t, `{"ready": true, "catalog": "ok"}`, ready(t, s, false, http.StatusOK))
	require.JSONEq(t, `{"ready": true, "catalog": "ok", "redis": "ok", "catalog_problems": []}`, ready(t, s, true, http.StatusOK))

	require.NoError(t, os.WriteFile(file, []byte("teams: {checkout: {zone: Mars, chat: {web: checkout}}}\n"), 0o600))
	eventually(t, "the catalog is refused", func() bool { return len(source.Problems()) > 0 })
	const told = `"catalog": "refused, problems: 1; the old one stays in force"`
	require.JSONEq(t, `{"ready": true, `+told+`}`, ready(t, s, false, http.StatusOK))
	require.Contains(t, ready(t, s, true, http.StatusOK), `teams.checkout.zone: \"Mars\" is no IANA zone`)

	memory.Close()
	require.JSONEq(t, `{"ready": false, `+told+`}`, ready(t, s, false, http.StatusServiceUnavailable))
	require.Contains(t, ready(t, s, true, http.StatusServiceUnavailable), `"redis": "does not answer"`)
}

func ready(t *testing.T, s *server, detailed bool, status int) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.ready(detailed).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	require.Equal(t, status, w.Code)
	return w.Body.String()
}
