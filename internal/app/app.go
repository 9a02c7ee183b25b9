// Package app wires Bellwether together: it parses the command line and connects the line from change to verdict with the
// places that do the work. It holds no logic of its own.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
)

// Version is set when the binary is built.
var Version = "unknown"

// Process is what the world gives a command: arguments, streams, environment.
type Process struct {
	Args     []string
	Out, Err io.Writer
	Env      func(string) (string, bool)
	Now      func() time.Time // nil means time.Now
}

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUnknown = 2 // the question could not be answered
)

// exit ends a command with a code. What there was to say has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// unanswered is why a command whose exit code is a verdict could not find one.
type unanswered struct{ error }

func (u unanswered) Unwrap() error { return u.error }

// grammar is the command line.
type grammar struct {
	Demo         demoCommand         `cmd:"" help:"Play the whole line on this machine: a sample shop, real load, a chat page."`
	Serve        serveCommand        `cmd:"" help:"Run the bot."`
	Check        checkCommand        `cmd:"" help:"Find every problem in the settings and the catalog."`
	Select       selectCommand       `cmd:"" help:"Show which scenarios a change would run, and why."`
	Replay       replayCommand       `cmd:"" help:"Decode an event and show what would be done with it."`
	Emit         emitCommand         `cmd:"" help:"Publish a change, to EventBridge or to a running Bellwether."`
	Status       statusCommand       `cmd:"" help:"Show what the environments are busy with, and what waits for them."`
	Audit        auditCommand        `cmd:"" help:"Show what people said to the bot, and what became of it."`
	Compare      compareCommand      `cmd:"" help:"Judge result files against earlier ones."`
	ChangePoints changepointsCommand `cmd:"" name:"changepoints" help:"Find where the level of a series changed."`
	Simulate     simulateCommand     `cmd:"" help:"Write result files with known noise and shift, to check the verdicts with."`
	Outbox       outboxCommand       `cmd:"" help:"Show the messages that a platform refused for good, and send them again."`
	Version      versionCommand      `cmd:"" help:"Show the version."`
	Shop         shopCommand         `cmd:"" hidden:"" help:"What the demo's catalog deploys with."`

	Completion completionCommand `cmd:"" help:"Print shell code that completes these commands: source <(bellwether completion bash)."`
}

// Run carries a command line out and returns the exit code.
func Run(ctx context.Context, p Process) int {
	if p.Now == nil {
		p.Now = time.Now
	}
	var code *int
	parser, err := kong.New(&grammar{},
		kong.Name("bellwether"),
		kong.Description("Load-tests every change and tells its team, in its own channel, whether it made the system slower."),
		kong.Writers(p.Out, p.Err), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(p),
		kong.Exit(func(c int) { code = &c }),
	)
	if err != nil {
		panic(err) // the grammar is ours
	}
	kongcompletion.Register(parser)
	if code != nil {
		return *code // the shell asked how to complete a line, and was answered
	}
	if len(p.Args) == 0 {
		p.Args = []string{"--help"}
	}
	command, err := parser.Parse(p.Args)
	if code != nil {
		return *code // help was asked for
	}
	if err != nil {
		fmt.Fprintf(p.Err, "bellwether: %v\nTry: %s --help\n", err, meant(err))
		return exitUnknown
	}
	return p.code(command.Run())
}

// meant is the command that a line which cannot be parsed was about.
func meant(err error) string {
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok && wrong.Context.Selected() != nil {
		return wrong.Context.Selected().FullPath()
	}
	return "bellwether"
}

func (p Process) code(err error) int {
	if err == nil {
		return exitOK
	}
	if asked, ok := errors.AsType[exit](err); ok {
		return int(asked)
	}
	fmt.Fprintf(p.Err, "bellwether: %v\n", err)
	if _, ok := errors.AsType[unanswered](err); ok {
		return exitUnknown
	}
	return exitFailed
}

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c *completionCommand) Run(k *kong.Context) error {
	return (&kongcompletion.Completion{Shell: c.Shell, Code: true}).Run(k)
}
