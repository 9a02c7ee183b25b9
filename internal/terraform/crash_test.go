package terraform

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// victim plans and applies the stack in dir. After each step it leaves a file, and after the one that
// TERRAFORM_TEST_LAST names it waits to be killed.
func victim(dir string) error {
	planned, err := applierOf(dir, slog.New(slog.DiscardHandler)).Plan(context.Background(), stackOf(pipeline.Terraform{}), load, change)
	if err != nil {
		return err
	}
	if err := reached(dir, "planned"); err != nil {
		return err
	}
	if err := planned.Apply(context.Background()); err != nil {
		return err
	}
	return reached(dir, "applied")
}

func reached(dir, step string) error {
	err := os.WriteFile(filepath.Join(dir, step), nil, 0o600)
	if err == nil && os.Getenv("TERRAFORM_TEST_LAST") == step {
		<-time.After(time.Minute)
		err = fmt.Errorf("not killed after %s", step)
	}
	return err
}

// Whatever Bellwether was at when it was killed, nothing of it runs on, its plan is deleted, and planning again says what
// is left to do.
func TestKilledAtAnyMoment(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills a child together with its parent")
	}
	tests := map[string]struct {
		last, await string
		exists      []string
		left        int
	}{
		"before the apply": {"planned", "planned", []string{}, 2},
		"during the apply": {"applied", "cloud/web.waiting", []string{"database-orders.json"}, 1},
		"after the apply":  {"applied", "applied", []string{"database-orders.json", "instance-web.json"}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write(t, orders+web)
			during := name == "during the apply"
			if during {
				w.misbehave(t, "web.slow", "")
			}
			w.kill(t, test.last, test.await)
			left := list(t, w.Dir)
			require.Len(t, left, 1, "there was no time to clean up")
			require.NotEmpty(t, grep(t, w.Dir, secret))
			require.NoError(t, os.Mkdir(filepath.Join(w.Dir, "another's"), 0o700))
			require.NoError(t, w.Sweep())
			require.Equal(t, []string{"another's"}, list(t, w.Dir))
			require.Empty(t, startedFor(filepath.Join(w.Dir, left[0])))
			require.Equal(t, test.exists, w.cloud(t))

			if during {
				require.NoError(t, os.Remove(filepath.Join(w.dir, "cloud/web.slow")))
			}
			again := w.plan(t)
			require.Len(t, again.Plan().Resources, test.left)
			require.NoError(t, again.Apply(t.Context()))
			require.Equal(t, []string{"database-orders.json", "instance-web.json"}, w.cloud(t))
			require.True(t, w.plan(t).Plan().Empty())
		})
	}
}

// A program that outlives terraform is found by what it inherited, by a sweep, and by whoever plans next: it would work on
// the same things.
func TestWhatWasLeftRunningIsEnded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are found in /proc only")
	}
	for name, do := range map[string]func(t *testing.T, w *world){
		"by a sweep": func(t *testing.T, w *world) { require.NoError(t, w.Sweep()) },
		"by a plan":  func(t *testing.T, w *world) { require.NoError(t, w.plan(t).Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write(t, deaf)
			w.kill(t, "applied", "cloud/orders.waiting")
			folder := filepath.Join(w.Dir, list(t, w.Dir)[0])
			require.NotEmpty(t, startedFor(folder))
			do(t, w)
			require.Empty(t, startedFor(folder))
			require.Empty(t, list(t, w.Dir))
		})
	}
}

// kill starts a Bellwether and kills it when the file is there.
func (w *world) kill(t *testing.T, last, file string) {
	bellwether := exec.Command(os.Args[0], "-test.run=TestMain")
	bellwether.Env = append(os.Environ(), "TERRAFORM_TEST_DIR="+w.dir, "TERRAFORM_TEST_LAST="+last)
	bellwether.Stderr = os.Stderr
	require.NoError(t, bellwether.Start())
	t.Cleanup(func() { require.NoError(t, w.Sweep()) })
	await(t, filepath.Join(w.dir, file))
	require.NoError(t, bellwether.Process.Kill())
	_ = bellwether.Wait()
	require.Eventually(t, func() bool { return !anyTerraform(w.Dir) }, 5*time.Second, 10*time.Millisecond, "terraform dies with Bellwether")
}

// anyTerraform tells whether a terraform runs for one of the folders; its providers may.
func anyTerraform(dir string) bool {
	entries, _ := os.ReadDir(dir) // it is there
	for _, entry := range entries {
		for _, pid := range startedFor(filepath.Join(dir, entry.Name())) {
			program, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)) // empty when it has just gone
			if filepath.Base(program) == "terraform" {
				return true
			}
		}
	}
	return false
}
