package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/google/uuid"

	"bellwether/internal/config"
	"bellwether/internal/intake"
	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

// Help is what --help says besides the flags.
func (c *emitCommand) Help() string {
	return "With --wait it ends with 0 (nothing got worse, or too little was measured to say), 1 (regressed or suspect) or " +
		"2 (failed, invalid, cancelled, or no answer)."
}

type emitCommand struct {
	Config string `short:"c" placeholder:"FILE" help:"Settings whose publish.eventbridge names the bus."`
	Bus    string `default:"default" help:"The EventBridge bus, without --config."`
	Region string `help:"The bus's region; default: as the AWS command line."`
	To     string `placeholder:"URL" help:"A running Bellwether, instead of EventBridge."`
	Token  string `env:"BELLWETHER_EVENTS_TOKEN" help:"The token for --to."`

	Kind       string   `required:"" enum:"service,stack" placeholder:"KIND" help:"What changed: service or stack."`
	Name       string   `help:"Its name in the catalog."`
	Repository string   `help:"Its repository, instead of the name."`
	Revision   string   `help:"The revision, full or short."`
	Version    string   `help:"What people call the revision."`
	Image      string   `help:"The image that was built, with its tag."`
	Ref        string   `help:"The branch."`
	Author     string   `help:"Who changed it."`
	Title      string   `help:"What the change is, in one line."`
	URL        string   `help:"A page that shows the change."`
	Path       []string `sep:"none" help:"A file that changed; repeats."`
	Label      []string `sep:"none" help:"A label of the change; repeats."`
	Files      *int     `placeholder:"N" help:"How many files changed."`
	Lines      *int     `placeholder:"N" help:"How many lines changed."`

	Wait    bool          `help:"Wait for the verdict and end as the run does (with --to)."`
	Timeout time.Duration `default:"1h" help:"How long to wait."`
	JSON    bool          `help:"Print JSON."`

	Snippet string `default:"" enum:",github,gitlab,shell" placeholder:"CI" help:"Print a job for github, gitlab or any shell that publishes each change and waits for its verdict."`
}

// Validate refuses what any Bellwether would refuse, before it is sent.
func (c *emitCommand) Validate() error {
	switch {
	case c.Snippet != "":
		return c.validateSnippet()
	case c.Name == "" && c.Repository == "" && c.Image == "":
		return errors.New("what changed? say --name, --repository or --image")
	case c.Revision == "" && c.Image == "":
		return errors.New("what does it bring? say --revision or --image")
	case c.Wait && c.To == "":
		return errors.New("--wait needs --to: only a running Bellwether can be asked how the run ended")
	}
	return nil
}

func (c *emitCommand) detail() intake.Detail {
	return intake.Detail{
		Kind: c.Kind, Name: c.Name, Repository: c.Repository, Revision: c.Revision, Version: c.Version, Image: c.Image,
		Ref: c.Ref, Author: c.Author, Title: c.Title, URL: c.URL, Paths: c.Path, FilesChanged: c.Files, LinesChanged: c.Lines,
		Labels: c.Label,
	}
}

func (c *emitCommand) Run(ctx context.Context, p Process) error {
	if c.Snippet != "" {
		return c.printSnippet(p.Out)
	}
	if err := c.publish(ctx, p); err != nil {
		return unanswered{err} // exit code 1 says that the change made something slower
	}
	return nil
}

func (c *emitCommand) publish(ctx context.Context, p Process) error {
	if c.To != "" {
		return c.toBellwether(ctx, p)
	}
	bus, err := c.bus(ctx, p)
	if err != nil {
		return err
	}
	id, err := bus.Publish(ctx, c.detail())
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Out, map[string]string{"event": id})
	}
	fmt.Fprintln(p.Out, "published as event "+id)
	return nil
}

func (c *emitCommand) bus(ctx context.Context, p Process) (*intake.Bus, error) {
	to := config.EventBridge{Bus: c.Bus, Region: c.Region}
	if c.Config != "" {
		settings, problems := config.Load(c.Config, p.Env)
		if strictyaml.Refused(problems) {
			return nil, fmt.Errorf("%s has problems; see bellwether check --config %s", c.Config, c.Config)
		}
		if settings.Publish.EventBridge == nil {
			return nil, fmt.Errorf("%s: publish.eventbridge: missing; name a bus and its region", c.Config)
		}
		to = *settings.Publish.EventBridge
	}
	return openBus(ctx, to)
}

func openBus(ctx context.Context, to config.EventBridge) (*intake.Bus, error) {
	aws, err := awsconfig.LoadDefaultConfig(ctx, regionOf(to.Region))
	if err != nil {
		return nil, fmt.Errorf("read the AWS settings: %w", err)
	}
	client := eventbridge.NewFromConfig(aws, func(o *eventbridge.Options) { o.BaseEndpoint = endpoint(to.Endpoint) })
	return &intake.Bus{Client: client, Name: to.Bus}, nil
}

func regionOf(region string) awsconfig.LoadOptionsFunc {
	return func(o *awsconfig.LoadOptions) error {
		if region != "" {
			o.Region = region
		}
		return nil
	}
}

// endpoint is nil for AWS itself.
func endpoint(url string) *string {
	if url == "" {
		return nil
	}
	return &url
}

func (c *emitCommand) toBellwether(ctx context.Context, p Process) error {
	remote := &intake.Remote{
		Client: &http.Client{Timeout: 30 * time.Second}, URL: c.To, Token: c.Token, NewID: uuid.NewString, Now: time.Now,
	}
	receipts, err := remote.Publish(ctx, c.detail())
	if err != nil {
		return err
	}
	if !c.Wait || len(receipts) == 0 {
		return c.printReceipts(p, receipts)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var ends []intake.RunStatus
	for _, r := range receipts {
		end, err := c.follow(ctx, p, remote, r.Run)
		if err != nil {
			return err
		}
		ends = append(ends, end)
	}
	return c.end(p, ends)
}

func (c *emitCommand) printReceipts(p Process, receipts []pipeline.Receipt) error {
	if c.JSON {
		return printJSON(p.Out, map[string]any{"runs": append([]pipeline.Receipt{}, receipts...)})
	}
	for _, r := range receipts {
		fmt.Fprintln(p.Out, r.Outcome, r.Run)
	}
	if len(receipts) == 0 {
		fmt.Fprintln(p.Out, "nothing to test: only ignored paths are touched")
	}
	return nil
}

// follow waits for a run's end, and for its successor's when it is superseded. What changes is told on standard error. An
// answer that fails is asked for again, for Bellwether may be restarted meanwhile.
func (c *emitCommand) follow(ctx context.Context, p Process, remote *intake.Remote, run string) (intake.RunStatus, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := run + ": no answer"
	for {
		status, err := remote.Status(ctx, run)
		if _, denied := errors.AsType[intake.Denied](err); denied {
			return status, err
		}
		news := fmt.Sprintf("%s (%s): %s", status.ID, status.Subject, status.State)
		if err != nil {
			news = fmt.Sprintf("%s: %v", run, err)
		}
		if news != last && ctx.Err() == nil && status.State != pipeline.Done { // how it ended is printed as the result
			fmt.Fprintln(p.Err, news)
			last = news
		}
		switch {
		case status.Successor != "":
			run = status.Successor
		case status.State.Final():
			return status, nil
		}
		select {
		case <-ctx.Done():
			return status, c.unfinished(ctx, last)
		case <-tick.C:
		}
	}
}

// unfinished says why nobody waits any more, and what was seen last.
func (c *emitCommand) unfinished(ctx context.Context, last string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no end after %s; %s", pipeline.Brief(c.Timeout), last)
	}
	return fmt.Errorf("stopped waiting, the run goes on; %s", last)
}

// end prints how the runs ended and ends as they did.
func (c *emitCommand) end(p Process, ends []intake.RunStatus) error {
	code := exitOK
	for _, e := range ends {
		code = max(code, exitOf(e))
		if !c.JSON {
			fmt.Fprintf(p.Out, "%s %s: %s\n%s\n", e.ID, verdictOrState(e), e.Headline, e.URL)
		}
	}
	if c.JSON {
		if err := printJSON(p.Out, map[string]any{"runs": append([]intake.RunStatus{}, ends...)}); err != nil {
			return err
		}
	}
	if code != exitOK {
		return exit(code)
	}
	return nil
}

func verdictOrState(s intake.RunStatus) string {
	if s.State == pipeline.Done {
		return string(s.Verdict)
	}
	return string(s.State)
}

// exitOf is the exit code that stands for how a run ended.
func exitOf(s intake.RunStatus) int {
	switch {
	case s.State != pipeline.Done, s.Verdict == pipeline.Failed, s.Verdict == pipeline.Invalid:
		return exitUnknown
	case s.Verdict == pipeline.Regressed, s.Verdict == pipeline.Suspect:
		return exitFailed
	}
	return exitOK
}
