package checkout

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

const token = "glpat-hunter2"

// serve has the forge's repositories fetched by https, with a token.
func (f *forge) serve(t *testing.T) *httptest.Server {
	program, err := exec.Command("git", "--exec-path").Output()
	require.NoError(t, err)
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(program)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(filepath.Dir(f.dir)), "GIT_HTTP_EXPORT_ALL=1"},
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "git" || password != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	certificate := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	t.Setenv("GIT_SSL_CAINFO", certificate)
	return server
}

func TestATokenOpensTheForge(t *testing.T) {
	f := newForge(t)
	f.Hosts["git.example"] = Host{URL: f.serve(t).URL, Token: token}
	require.Equal(t, "one", f.text(t, f.main))
	require.Equal(t, "one", f.text(t, f.main), "once more, with a mirror")
	require.NoError(t, filepath.WalkDir(f.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		require.NotContains(t, string(text), token, path)
		return err
	}))
}

func TestAWrongTokenIsTold(t *testing.T) {
	f := newForge(t)
	server := f.serve(t)
	for _, wrong := range []string{"", "glpat-wrong"} {
		f.Hosts["git.example"] = Host{URL: server.URL, Token: wrong}
		_, err := f.checkout(t, f.main)
		e := explanation(t, err)
		require.Regexp(t, "cannot be fetched: (could not read Username|Authentication failed) for", e.Reason)
		require.Equal(t, pipeline.FaultEnvironment, e.Fault)
		require.NotContains(t, fmt.Sprintf("%+v", e), "glpat")
	}
}

// A forge that was taken over cannot collect tokens by sending git elsewhere.
func TestATokenDoesNotFollowARedirection(t *testing.T) {
	f := newForge(t)
	asked := make(chan string, 10)
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Authorization")
		w.Header().Set("WWW-Authenticate", `Basic realm="evil"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(other.Close)
	f.serve(t)
	forge := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.String(), http.StatusFound)
	}))
	t.Cleanup(forge.Close)
	f.Hosts["git.example"] = Host{URL: forge.URL, Token: token}
	_, err := f.checkout(t, f.main)
	require.Equal(t, pipeline.FaultEnvironment, explanation(t, err).Fault)
	require.NotEmpty(t, asked, "git follows")
	for range len(asked) {
		require.Empty(t, <-asked)
	}
}

func TestARepositoryOutOfReachIsNotTheChangesFault(t *testing.T) {
	tests := map[string]struct{ url, reason string }{
		"refuses":         {"https://127.0.0.1:1", name + " cannot be fetched: unable to access 'https://127.0.0.1:1/infrastructure/platform/': Failed to connect"},
		"is not there":    {"file:///nonexistent", name + " cannot be fetched: '/nonexistent/infrastructure/platform' does not appear to be a git repository"},
		"another way":     {"ssh://git.example", "the url of host git.example must begin with https:// or file://"},
		"a program":       {"ext::sh -c touch", "the url of host git.example must begin with https:// or file://"},
		"a user in there": {"https://user:hunter2@git.example", "the url of host git.example must begin with https:// or file://, and hold no user"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			f.Hosts["git.example"] = Host{URL: test.url}
			_, err := f.checkout(t, f.main)
			e := explanation(t, err)
			require.Contains(t, e.Reason, test.reason)
			require.Equal(t, pipeline.FaultEnvironment, e.Fault)
			require.Contains(t, e.Next, "the host's url, username and token")
		})
	}
}
