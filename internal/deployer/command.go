// Package deployer brings a new version into an environment for pipeline, by starting the command that the catalog
// names for it.
//
// What a command is told comes from events that anybody with access to the bus may have sent, so nothing of it is
// ever interpreted: there is no shell, the program is fixed in the catalog, and a value cannot turn an argument into
// an option. A shell script is safe as long as it quotes its arguments: "$1".
package deployer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"bellwether/pipeline"
)

// Command starts the commands of the catalog: deploy, apply, reset, set-up, teardown.
type Command struct {
	Log    *slog.Logger
	Redact func(string) string // takes secrets out of a text; nil when there are none
	Pass   []string            // names of Bellwether's own environment variables that commands get too
	Grace  time.Duration       // from SIGTERM to SIGKILL; 0 means 3 s: so long an environment stays ours when its lease is lost
}

// Run starts the command in its folder and waits for it. It returns the last lines of what it printed on stdout and
// stderr, redacted. When the command cannot be started, exits with another status than 0, takes longer than its timeout
// (0: none) or ctx ends, the error is a *Failure; in the last two cases the program and everything it started is gone by
// then, short of what left its process group.
//
// A program that leaves a server running must give it an output of its own (./server >server.log 2>&1 &): what still
// holds Run's pipe when the program is through keeps Run waiting for Grace and finds the pipe closed then. On Linux the
// kernel kills the program, though not its children, when Bellwether itself is killed.
func (c *Command) Run(ctx context.Context, cmd pipeline.Command, v pipeline.Values) (string, error) {
	args, err := arguments(cmd.Run, v)
	if err != nil {
		refused := c.failure(cmd, err, "")
		refused.refused = true
		return "", refused
	}
	if cmd.Timeout > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, cmd.Timeout, fmt.Errorf("took longer than %s", pipeline.Brief(cmd.Timeout)))
		defer cancel()
		ctx = limited
	}
	var printed tail
	child := exec.CommandContext(ctx, args[0], args[1:]...)
	child.Dir, child.Env = cmd.Dir, c.environment(v)
	child.Stdout, child.Stderr = &printed, &printed
	c.Log.Info("a command starts", "program", args[0], "subject", v.Service, "environment", v.Environment)
	err = c.wait(ctx, child)
	output := lastLines(c.redact(clean(printed.String())))
	if err != nil {
		broken := c.failure(cmd, err, output)
		broken.started = child.Process != nil
		return output, broken
	}
	return output, nil
}

// wait runs the child to its end, as the leader of a process group of its own. When ctx ends first, the whole group is
// asked to end, killed after the grace, and the error is ctx's cause.
func (c *Command) wait(ctx context.Context, child *exec.Cmd) error {
	grace := cmp.Or(c.Grace, 3*time.Second)
	var deadline time.Time // of the group, once it was asked to end
	child.SysProcAttr = attributes()
	child.WaitDelay = grace
	child.Cancel = func() error {
		deadline = time.Now().Add(grace)
		return signal(child.Process.Pid, syscall.SIGTERM)
	}
	// Linux kills the child when the thread that started it ends, so this thread has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := child.Run()
	if !deadline.IsZero() {
		end(child.Process.Pid, deadline)
	}
	switch {
	case errors.Is(err, exec.ErrWaitDelay): // it succeeded, and left something behind that holds the pipe
		return nil
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// end waits until the process group is gone and kills what is left of it at the deadline.
func end(group int, deadline time.Time) {
	for signal(group, 0) == nil && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond) // nobody tells when a process ends that is no child
	}
	_ = signal(group, syscall.SIGKILL) // fails when it is gone, as it should be
}

// signal sends a signal to every process of the group.
func signal(group int, s syscall.Signal) error {
	err := syscall.Kill(-group, s)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// environment is all that a command learns of the world: the bare necessities, what the operator passes on, and the
// values, with BELLWETHER_ before their names.
func (c *Command) environment(v pipeline.Values) []string {
	var env []string
	for _, name := range append([]string{"PATH", "HOME", "LANG", "TMPDIR"}, c.Pass...) {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env,
		"BELLWETHER_SERVICE="+v.Service,
		"BELLWETHER_ENVIRONMENT="+v.Environment,
		"BELLWETHER_URL="+v.URL,
		"BELLWETHER_IMAGE="+v.Image,
		"BELLWETHER_REVISION="+v.Revision,
		"BELLWETHER_VERSION="+v.Version,
	)
}

func (c *Command) redact(text string) string {
	if c.Redact == nil {
		return text
	}
	return c.Redact(text)
}
