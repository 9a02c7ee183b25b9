package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"bellwether/bot"
	"bellwether/commands"
	"bellwether/internal/catalog"
	"bellwether/internal/chat/slack"
	"bellwether/internal/chat/teams"
	webchat "bellwether/internal/chat/web"
	"bellwether/internal/config"
	"bellwether/internal/deployer"
	"bellwether/internal/deployer/ecs"
	"bellwether/internal/deployer/kubernetes"
	"bellwether/internal/engine"
	"bellwether/internal/intake"
	"bellwether/internal/lane"
	"bellwether/internal/store"
	"bellwether/internal/terraform"
	"bellwether/internal/web"
	"bellwether/internal/web/login"
	"bellwether/pipeline"
)

const (
	receivers = 2                // of SQS messages
	debounce  = time.Second      // how long progress waits for newer progress
	settle    = 20 * time.Second // longer than a request to Slack may take, and Slack to show what it took without our knowing
	unsynced  = 2 * time.Second  // Redis without appendfsync always may lose a second
)

// server is one running Bellwether.
type server struct {
	settings    config.Config
	log         *slog.Logger
	now         func() time.Time // of this machine
	clock       *lane.Clock      // of all replicas
	redis       *redis.Client
	lanes       *lane.Lanes
	store       *store.Store
	catalog     *catalog.Source
	submitter   *pipeline.Submitter
	runner      *pipeline.Runner
	stacks      *terraform.Applier
	bot         *bot.Bot
	teller      pipeline.Teller // the bot, behind whoever else is told of runs
	postman     *bot.Postman
	desk        *commands.Desk
	intake      *intake.Intake
	queue       *intake.Queue       // nil without SQS
	bus         *intake.Bus         // nil when nothing is published
	completions *completions        // nil when the ends of runs are not published
	chats       map[string]bot.Chat // by platform
	groups      map[string]commands.Groups
	slack       *slack.Chat   // nil without Slack
	teams       *teams.Chat   // nil without Microsoft Teams
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
	if err := s.store.Upgrade(ctx); err != nil {
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
	if err := s.stacks.Sweep(); err != nil { // what a Bellwether that was killed left of its plans
		return nil, err
	}
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
	s.clock = &lane.Clock{Redis: s.redis, Every: 10 * time.Second}
	s.lanes = &lane.Lanes{Redis: s.redis, Prefix: "bellwether:", Holder: fmt.Sprintf("%s/%d", host, os.Getpid()), Now: s.clock.Now, Log: s.log}
	s.store = &store.Store{Lanes: s.lanes}
	warnings, err := s.store.Check(ctx)
	for _, w := range warnings {
		s.log.Warn(w)
	}
	if err != nil {
		return err
	}
	return s.clock.Ask(ctx)
}

func (s *server) openPages(ctx context.Context) error {
	key, err := s.store.SigningKey(ctx)
	if err != nil {
		return err
	}
	s.pages = &web.Pages{
		PublicURL: s.settings.HTTP.PublicURL, Key: key, Now: s.clock.Now, Load: s.store.Load, Record: s.store.Record,
		Past: s.store.Past, Picture: s.store.Picture, Catalog: s.catalog.Current, Log: s.log,
	}
	if settings := s.settings.HTTP.OIDC; settings != nil {
		s.pages.Login, err = login.New(login.Settings{
			Issuer: settings.Issuer, ClientID: settings.ClientID, ClientSecret: settings.ClientSecret.Reveal(),
			Groups: settings.Groups, Emails: settings.Emails,
			PublicURL: s.settings.HTTP.PublicURL, Key: key, Now: s.clock.Now, Log: s.log,
		})
		if err != nil {
			return err
		}
		if err := s.pages.Login.Reach(ctx); err != nil { // it may be back when somebody wants to sign in
			s.log.Warn("the identity provider of http.oidc does not answer as one", "error", err)
		}
	}
	return nil
}

// operator's channels are where refused events are told too.
func (s *server) operator() []pipeline.Channel { return s.catalog.Current().Unowned }

func (s *server) parked() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	count, err := s.store.ParkedCount(ctx)
	if err != nil {
		return -1
	}
	return float64(count)
}

// wire connects the line from change to report.
func (s *server) wire() {
	redact := config.Following(s.settings.Secrets(), s.catalog.Secrets)
	s.bot = &bot.Bot{
		Catalog: s.catalog.Current, Outbox: s.store, Pictures: s.store, Records: s.store, RunURL: s.pages.RunURL,
		Debounce: debounce, Now: s.clock.Now,
	}
	s.stacks = s.applier(redact)
	s.teller = &register{Teller: s.bot, First: s.store.First, Count: s.metrics.Ended, Log: s.log}
	if s.bus != nil && s.settings.Publish.EventBridge.Completed {
		s.completions = &completions{
			Teller: s.teller, Lanes: s.lanes, Load: s.store.Load, RunURL: s.pages.RunURL, Bus: s.bus, Log: s.log,
		}
		s.teller = s.completions
	}
	s.submitter = &pipeline.Submitter{Catalog: s.catalog.Current, Queue: s.store, Teller: s.teller, Now: s.clock.Now}
	s.runner = &pipeline.Runner{
		Catalog: s.catalog.Current, Ledger: s.store, History: s.store, Regressions: s.store, Inventory: s.store, Holds: s.store, Batches: s.store,
		Commands: &deployer.Command{Log: s.log, Redact: redact, Pass: s.settings.Commands.Environment}, Probe: probe,
		Deployers: map[string]pipeline.Deployer{
			pipeline.PlatformECS:        &ecs.Deployer{Redact: redact},
			pipeline.PlatformKubernetes: &kubernetes.Deployer{Log: s.log, Redact: redact},
		},
		Applier: s.stacks,
		Engines: map[string]pipeline.Engine{"vegeta": &engine.Vegeta{Log: s.log}},
		Teller:  s.teller, Now: s.clock.Now, Watch: time.Second, Log: s.log,
	}
	s.desk = &commands.Desk{
		Catalog: s.catalog.Current, Runs: s.store, Marks: s.store, Holds: s.store, Approvals: s.store, Submit: s.submitter, Teller: s.teller,
		Triage: s.store, Pins: s.store, Trends: s.store, Pictures: s.store,
		Cooldowns: s.store, Audit: &store.Audit{Store: s.store, Keep: s.settings.Audit.Keep}, Groups: s.groups, RunURL: s.pages.RunURL, RunOf: s.pages.RunOf,
		Redact: redact, Now: s.clock.Now, NewID: uuid.NewString, Log: s.log,
	}
	s.metrics.Parked(s.parked)
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
