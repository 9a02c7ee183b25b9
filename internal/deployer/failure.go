package deployer

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"

	"bellwether/pipeline"
)

var _ pipeline.StepError = (*Failure)(nil)

// Failure says why a command did not do its work, in words without secrets.
type Failure struct {
	Program string
	Reason  string // for people: "exit status 3", "took longer than 5m0s", "no such file or directory; …"
	Output  string // the last lines that it printed
	refused bool   // the values may not become arguments
	started bool
	err     error
}

// Error is the program and the reason, without the output.
func (f *Failure) Error() string { return f.Program + ": " + f.Reason }

// Explain is the failure for people: why, and the last lines that the command printed. A program that could not even be
// started says nothing about what it was to deploy; of values that may not become its arguments the change is to blame.
func (f *Failure) Explain() pipeline.Explanation {
	e := pipeline.Explanation{Reason: f.Reason, Output: f.Output, Untouched: !f.started}
	if !f.started && !f.refused {
		e.Reason, e.Fault = f.Error(), pipeline.FaultEnvironment
	}
	return e
}

// Unwrap returns what happened, such as ctx's cause or an *exec.ExitError.
func (f *Failure) Unwrap() error { return f.err }

func (c *Command) failure(cmd pipeline.Command, err error, output string) *Failure {
	program := "command"
	if len(cmd.Run) > 0 {
		program = cmd.Run[0]
	}
	return &Failure{Program: program, Reason: c.redact(reason(err, cmd.Dir)), Output: output, err: err}
}

// hints are what to do about a program that cannot be started.
var hints = map[error]string{
	syscall.ENOENT:   "look at its path, and at the first line if it is a script",
	syscall.EACCES:   "make it executable: chmod +x",
	syscall.ENOEXEC:  "a script's first line names its shell: #!/bin/sh",
	exec.ErrNotFound: "it is not in Bellwether's PATH",
}

func reason(err error, dir string) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	for cause, hint := range hints {
		if errors.Is(err, cause) {
			return fmt.Sprintf("%v (in %s); %s", cause, dir, hint)
		}
	}
	return err.Error()
}
