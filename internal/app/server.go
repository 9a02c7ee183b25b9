package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/catalog"
	"bellwether/internal/chat/slack"
	webchat "bellwether/internal/chat/web"
	"bellwether/internal/config"
	"bellwether/internal/deployer"
	"bellwether/internal/deployer/ecs"
	"bellwether/internal/engine"
	"bellwether/internal/intake"
	"bellwether/internal/lane"
	"bellwether/internal/store"
	"bellwether/internal/web"
	"bellwether/pipeline"
)

const (
	receivers = 2                // of SQS messages
	debounce  = time.Second      // how long progress waits for newer progress
	settle    = 20 * time.Second // longer than a request to Slack may take, and Slack to show what it took without our knowing
	unsynced  = 2 * time.Second  // Redis without appendfsync always may lose a second
)

// So many failures of an item are enough: with the rests in between, the first is some minutes and the second half a day.
const (
	poisonous = 10
	hopeless  = 1000
)

// server is one running Bellwether.
type server struct {
	settings    config.Config
	log         *slog.Logger
	now         func() time.Time
	redis       *redis.Client
	lanes       *lane.Lanes
	store       *store.Store
	catalog     *catalog.Source
	submitter   *pipeline.Submitter
	runner      *pipeline.Runner
	bot         *bot.Bot
	teller      pipeline.Teller // the bot, and whoever else is told of runs
	postman     *bot.Postman
	desk        *commands.Desk
	intake      *intake.Intake
	queue       *intake.Queue // nil without SQS
	bus         *intake.Bus   // nil when nothing is published
	completions *completions  // nil when the ends of runs are not published
	slack       *slack.Chat   // nil without Slack
	webchat     *webchat.Chat // nil without the chat page
	pages       *web.Pages
	metrics     *web.Metrics
	room        webchat.Room // of the chat page: the demo adds its panel
}

// newServer connects everything and finds out that it works, or says what does not.
func newServer(
	ctx context.Context, settings config.Config, source *catalog.Source, log *slog.Logger, now func() time.Time,
) (*server, error) {
	s := &server{settings: settings, catalog: source, log: log, now: now, metrics: web.NewMetrics()}
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	if err := s.openPages(ctx); err != nil {
		return nil, err
	}
	if err := s.openChats(ctx); err != nil {
		return nil, err
	}
	if to := settings.Publish.EventBridge; to != nil {
		bus, err := openBus(ctx, *to)
		if err != nil {
			return nil, fmt.Errorf("publish.eventbridge: %w", err)
		}
		s.bus = bus
	}
	s.wire()
	return s, s.openIntake(ctx)
}

func (s *server) close() {
	if err := s.redis.Close(); err != nil {
		s.log.Warn("close Redis", "error", err)
	}
}

func (s *server) openStore(ctx context.Context) error {
	options, err := redis.ParseURL(s.settings.Redis.Reveal())
	if err != nil {
		return errors.New("redis: the URL is not understood; write redis://host:6379/0")
	}
	redis.SetLogger(redisLog{s.log})
	s.redis = redis.NewClient(options)
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	s.lanes = &lane.Lanes{Redis: s.redis, Prefix: "bellwether:", Holder: fmt.Sprintf("%s/%d", host, os.Getpid()), Now: s.now, Log: s.log}
	s.store = &store.Store{Lanes: s.lanes}
	warnings, err := s.store.Check(ctx)
	for _, w := range warnings {
		s.log.Warn(w)
	}
	return err
}

func (s *server) openPages(ctx context.Context) error {
	key, err := s.store.SigningKey(ctx)
	if err != nil {
		return err
	}
	s.pages = &web.Pages{
		PublicURL: s.settings.HTTP.PublicURL, Key: key, Now: s.now, Load: s.store.Load, Record: s.store.Record,
		Catalog: s.catalog.Current, Log: s.log,
	}
	return nil
}

func (s *server) openChats(ctx context.Context) error {
	chats := map[string]bot.Chat{}
	if settings := s.settings.Chat.Slack; settings != nil {
		chat, err := slack.New(slack.Settings{
			BotToken: settings.BotToken.Reveal(), SigningSecret: settings.SigningSecret.Reveal(),
			AppToken: settings.AppToken.Reveal(), APIURL: settings.APIURL, Log: s.log, Seen: s.store, Threads: s.store, Now: s.now,
		})
		if err != nil {
			return fmt.Errorf("chat.slack: %w", err)
		}
		if err := chat.Hello(ctx); err != nil {
			return fmt.Errorf("chat.slack: %w", err)
		}
		s.slack, chats["slack"] = chat, chat
	}
	if s.settings.Chat.Web {
		s.webchat = webchat.New(s.now)
		chats["web"] = s.webchat
	}
	s.postman = &bot.Postman{Outbox: s.store, Pictures: s.store, Chats: chats, Settle: settle, Operator: s.operator, Now: s.now, Log: s.log}
	s.metrics.Parked(s.parked)
	return nil
}

// operator's channels are where refused events are told too.
func (s *server) operator() []pipeline.Channel { return s.catalog.Current().Unowned }

func (s *server) parked() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	letters, err := s.store.Parked(ctx)
	if err != nil {
		return -1
	}
	return float64(len(letters))
}

// wire connects the line from change to report.
func (s *server) wire() {
	redact := config.Following(s.settings.Secrets(), s.catalog.Secrets)
	s.bot = &bot.Bot{
		Catalog: s.catalog.Current, Outbox: s.store, Pictures: s.store, Records: s.store, RunURL: s.pages.RunURL,
		Debounce: debounce, Now: s.now,
	}
	s.teller = s.bot
	if s.bus != nil && s.settings.Publish.EventBridge.Completed {
		s.completions = &completions{
			Teller: s.bot, Lanes: s.lanes, Load: s.store.Load, RunURL: s.pages.RunURL, Bus: s.bus, Log: s.log,
		}
		s.teller = s.completions
	}
	s.submitter = &pipeline.Submitter{Catalog: s.catalog.Current, Queue: s.store, Teller: s.teller, Now: s.now}
	s.runner = &pipeline.Runner{
		Catalog: s.catalog.Current, Ledger: s.store, History: s.store, Inventory: s.store, Holds: s.store, Batches: s.store,
		Commands: &deployer.Command{Log: s.log, Redact: redact, Pass: s.settings.Commands.Environment}, Probe: probe,
		Deployers: map[string]pipeline.Deployer{
			pipeline.PlatformECS: &ecs.Deployer{Redact: redact},
		},
		Engines: map[string]pipeline.Engine{"vegeta": &engine.Vegeta{Log: s.log}},
		Teller:  s.teller, Now: s.now, Watch: time.Second, Log: s.log,
	}
	s.desk = &commands.Desk{
		Catalog: s.catalog.Current, Runs: s.store, Marks: s.store, Holds: s.store, Approvals: s.store, Submit: s.submitter, Teller: s.teller,
		RunURL: s.pages.RunURL, Redact: redact, Now: s.now, NewID: uuid.NewString, Log: s.log,
	}
	s.intake = &intake.Intake{
		Submit: s.submitter.Submit, Refuse: s.bot.Refuse, Redact: redact, Secret: config.Detector(s.settings.Secrets()...),
		Count: s.metrics.Event, Log: s.log,
	}
}

func (s *server) openIntake(ctx context.Context) error {
	settings := s.settings.Intake.SQS
	if settings == nil {
		return nil
	}
	aws, err := awsconfig.LoadDefaultConfig(ctx, regionOf(settings.Region))
	if err != nil {
		return fmt.Errorf("intake.sqs: read the AWS settings: %w", err)
	}
	s.queue = &intake.Queue{
		Client: sqs.NewFromConfig(aws, func(o *sqs.Options) { o.BaseEndpoint = endpoint(settings.Endpoint) }),
		URL:    settings.QueueURL, DeadLetter: settings.DeadLetterURL, Receivers: receivers, Intake: s.intake, Log: s.log,
	}
	if !s.store.Durable(ctx) {
		s.queue.Settle = unsynced
	}
	return nil
}

// workRun takes one run through its stages, and counts it once it is over. One that keeps failing is ended, so that the
// environment is free for others; errors while Redis is away are none of them, as nobody can note them.
func (s *server) workRun(ctx context.Context, held *lane.Held) (err error) {
	defer survive(&err)
	id, failures := held.Item.ID, held.Item.Failures
	switch {
	case failures >= 2*poisonous:
		s.log.Error("run dropped: it could not even be ended as failed", "run", id, "failures", failures)
		return nil
	case failures >= poisonous:
		reason := fmt.Sprintf("it broke %d times; Bellwether's log says why, look for %s", failures, id)
		err = s.runner.GiveUp(ctx, id, held.Fence, reason)
	default:
		err = s.runner.Work(ctx, id, held.Fence)
	}
	if postponed, ok := errors.AsType[*pipeline.Postponed](err); ok {
		return lane.Later(postponed.Until)
	}
	if err != nil {
		return err
	}
	if run, err := s.store.Load(ctx, id); err == nil {
		s.metrics.Ended(run)
		s.log.Info("run ended", "run", id, "subject", run.Subject(), "environment", run.Environment, "state", run.State,
			"verdict", run.Verdict, "reason", run.Reason, "took", run.Finished.Sub(run.Started).Round(time.Second).String())
	}
	return nil
}

// deliver makes one message visible. After an error the whole channel rests, so that order is kept; a platform that wants a
// rest says for how long. A message is parked when it breaks Bellwether itself, or has stood in the way for half a day.
func (s *server) deliver(ctx context.Context, held *lane.Held) error {
	id, failures := held.Item.ID, held.Item.Failures+1
	err := s.post(ctx, held)
	if err == nil {
		return nil
	}
	unsent, rests := errors.AsType[*bot.NotSent](err)
	_, broke := errors.AsType[*panicked](err)
	switch {
	case rests:
		s.log.Warn("channel rests", "channel", held.Lane, "for", unsent.After, "reason", unsent.Err)
		return lane.Pause(s.now().Add(cmp.Or(unsent.After, time.Second)))
	case broke && failures >= poisonous, failures >= hopeless:
		s.log.Error("message given up", "channel", held.Lane, "intent", id, "failures", failures, "error", err)
		return s.postman.Park(ctx, id, held.Fence, fmt.Errorf("it could not be delivered %d times", failures))
	case s.postman.Waits(ctx, id):
		return lane.Later(s.now().Add(time.Second))
	}
	return err
}

func (s *server) post(ctx context.Context, held *lane.Held) (err error) {
	defer survive(&err)
	return s.postman.Deliver(ctx, held.Item.ID, held.Fence)
}

// panicked is the error that a panic becomes.
type panicked struct {
	reason any
	stack  []byte
}

func (e *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", e.reason, e.stack) }

// survive turns a panic into an error, so that one poisoned item stops its own lane at most, and not for ever.
func survive(err *error) {
	if reason := recover(); reason != nil {
		*err = &panicked{reason, debug.Stack()}
	}
}
