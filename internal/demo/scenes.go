package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Scene is one thing that the page's panel can send.
type Scene struct{ Key, Title, Text string }

// scene of the story: what it sends, and what must come of it.
type scene struct {
	Scene
	happened string // for people, when all is as it should be
	send     func(context.Context, *Story) ([]receipt, error)
	check    func(ctx context.Context, s *Story, sent []receipt) error // nil where only the panel sends it
}

// firstReleases are what everything later is compared with.
var firstReleases = []change{
	{Kind: "service", Name: "search", Version: "2.0.0", Author: "dev-syd", Title: "Search, as it is", Files: 1, Lines: 1},
	{Kind: "service", Name: "checkout", Version: "1.4.0", Author: "dev-sg", Title: "Checkout, as it is", Files: 1, Lines: 1},
	{Kind: "service", Name: "billing", Version: "3.0.0", Author: "dev-sg", Title: "Billing, as it is", Files: 1, Lines: 1},
}

// What the teams release in the story.
var (
	renamed   = change{Kind: "service", Name: "search", Version: "2.1.0", Author: "dev-syd", Title: "Rename the sort orders", Files: 4, Lines: 61}
	reworded  = change{Kind: "service", Name: "search", Version: "2.1.1", Author: "dev-syd", Title: "Reword \"nothing found\"", Files: 1, Lines: 2}
	faster    = change{Kind: "service", Name: "search", Version: fasterVersion, Author: "dev-syd", Title: "Keep the index in memory", Files: 6, Lines: 180}
	slower    = change{Kind: "service", Name: "checkout", Version: slowerVersion, Author: "dev-sg", Title: "Look the stock up for each order", Files: 3, Lines: 48}
	hasty     = change{Kind: "service", Name: "checkout", Version: "1.5.1", Author: "dev-sg", Title: "Take the stock look-up out", Files: 2, Lines: 37}
	repaired  = change{Kind: "service", Name: "checkout", Version: "1.5.2", Author: "dev-sg", Title: "Read the stock with the order", Files: 3, Lines: 44}
	broken    = change{Kind: "service", Name: "checkout", Version: brokenVersion, Author: "dev-sg", Title: "Read the database's address from the environment", Files: 2, Lines: 19}
	failing   = change{Kind: "service", Name: "billing", Version: failingVersion, Author: "dev-sg", Title: "Prices in pounds", Files: 5, Lines: 130}
	mended    = change{Kind: "service", Name: "billing", Version: "3.1.1", Author: "dev-sg", Title: "Prices in pounds, all of them", Files: 1, Lines: 9}
	widened   = change{Kind: "stack", Name: "orders-db", Version: widerVersion, Author: "ops-ldn", Title: "Twice the connections for the orders database", Files: 1, Lines: 2}
	starved   = change{Kind: "stack", Name: "orders-db", Version: starvedVersion, Author: "ops-ldn", Title: "Save connections of the orders database", Files: 1, Lines: 2}
	malformed = change{Kind: "gadget", Name: "checkout", Version: "1.7.0"}
)

// story is played in this order.
var story = []scene{
	{
		Scene{"harmless", "A harmless change of search", "search 2.1.0 is as fast as before: it passes"},
		"passed", releasing(renamed), passes("team-search"),
	},
	{
		Scene{"slower", "A slower checkout", "checkout 1.5.0 asks the database twice: +40 % at p95, confirmed, and its on-call is mentioned"},
		"regressed, confirmed, and dev-sg was mentioned, who looks after it", sendSlower, checkSlower,
	},
	{
		Scene{"supersede", "Two fixes in a row", "checkout 1.5.1 waits behind a change of search, and 1.5.2 supersedes it"},
		"the first fix was superseded, the second passed", releasing(reworded, hasty, repaired), checkSuperseded,
	},
	{
		Scene{"database", "A change of the orders database", "only the scenarios of its users run, and London reads of it"},
		"the scenarios of its users passed, no other ran", releasing(widened), checkDatabase,
	},
	{
		Scene{"malformed", "A malformed event", "is refused, and the reason is told"},
		"refused", sendMalformed, checkMalformed,
	},
	{
		Scene{"broken", "A deploy that fails", "checkout 1.6.0 does not start: its team is told why, and gets back what ran before"},
		"its team was told why", releasing(broken), checkBroken,
	},
	{
		Scene{"commands", "Commands", "rerun for search, full for everything"},
		"repeated, and everything passed", sendCommands, checkCommands,
	},
}

// more is for the panel only.
var more = []scene{
	{Scene{"faster", "A faster search", "search 2.2.0 takes a third less time: improved"}, "", releasing(faster), nil},
	{Scene{"failing", "A billing that fails now and then", "billing 3.1.0 answers one request in twenty with status 500"}, "", sendFailing, nil},
	{Scene{"starved", "Too few database connections", "checkout waits for a connection until it fails: its team reads of it beside London"}, "", releasing(starved), nil},
}

// releasing sends one release after the other.
func releasing(changes ...change) func(context.Context, *Story) ([]receipt, error) {
	return func(ctx context.Context, s *Story) (sent []receipt, err error) {
		for _, c := range changes {
			taken, err := s.release(ctx, c)
			if err != nil {
				return nil, err
			}
			sent = append(sent, taken)
		}
		return sent, nil
	}
}

// passes checks that the first run passes, in that channel.
func passes(channel string) func(context.Context, *Story, []receipt) error {
	return func(ctx context.Context, s *Story, sent []receipt) error {
		if err := s.ends(ctx, sent[0].Run, "done", "pass"); err != nil {
			return err
		}
		return errors.Join(s.reads(ctx, channel, sent[0].Run, "passed"), s.shows(ctx, channel, sent[0].Run))
	}
}

func sendSlower(ctx context.Context, s *Story) ([]receipt, error) {
	taken, err := s.spoil(ctx, slower, repaired)
	if err != nil {
		return nil, err
	}
	return []receipt{taken}, nil
}

func checkSlower(ctx context.Context, s *Story, sent []receipt) error {
	if err := s.ends(ctx, sent[0].Run, "done", "regressed"); err != nil {
		return err
	}
	err := errors.Join(
		s.reads(ctx, "team-checkout", sent[0].Run, "checkout-flow", "confirmed", "@dev-sg"),
		s.shows(ctx, "team-checkout", sent[0].Run),
	)
	if err != nil {
		return err
	}
	said := words{Channel: "team-checkout", As: "dev-sg", Text: "ack " + sent[0].Run + " because " + repaired.Version + " reads the stock with the order"}
	if err := s.client().command(ctx, said); err != nil {
		return err
	}
	return s.reads(ctx, "team-checkout", sent[0].Run, "acknowledged by dev-sg")
}

func sendFailing(ctx context.Context, s *Story) ([]receipt, error) {
	taken, err := s.spoil(ctx, failing, mended)
	return []receipt{taken}, err
}

// checkSuperseded: sent are the change that holds the environment, the one that waits, and the one that supersedes it.
func checkSuperseded(ctx context.Context, s *Story, sent []receipt) error {
	before, waited, last := sent[0].Run, sent[1].Run, sent[2]
	if !slices.Contains(last.Superseded, waited) {
		return fmt.Errorf("%s should supersede %s, and supersedes %v", last.Run, waited, last.Superseded)
	}
	if err := s.ends(ctx, waited, "superseded", ""); err != nil {
		return err
	}
	return errors.Join(
		s.reads(ctx, "team-checkout", waited, "superseded", last.Run),
		s.ends(ctx, before, "done", "pass"), s.ends(ctx, last.Run, "done", "pass"),
	)
}

func checkDatabase(ctx context.Context, s *Story, sent []receipt) error {
	if err := s.ends(ctx, sent[0].Run, "done", "pass"); err != nil {
		return err
	}
	if err := s.reads(ctx, "infrastructure", sent[0].Run, "passed", "checkout-flow", "billing-invoices"); err != nil {
		return err
	}
	messages, err := s.client().transcript(ctx)
	if err == nil && strings.Contains(text(thread(messages, "infrastructure", sent[0].Run)), "search-page") {
		err = fmt.Errorf("%s should not test search-page, which does not use the database", sent[0].Run)
	}
	return err
}

// sendMalformed expects to be refused.
func sendMalformed(ctx context.Context, s *Story) ([]receipt, error) {
	_, err := s.client().post(ctx, s.envelope(malformed))
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusBadRequest:
		return nil, nil
	case err == nil:
		return nil, errors.New("the malformed event was taken in")
	}
	return nil, err
}

func checkMalformed(ctx context.Context, s *Story, _ []receipt) error {
	return s.eventually(ctx, func() (string, error) {
		messages, err := s.client().transcript(ctx)
		refused := slices.DeleteFunc(messages, func(m message) bool { return m.Channel != "infrastructure" })
		return lacks("#infrastructure", text(refused), []string{"refused", malformed.Kind}), err
	})
}

func checkBroken(ctx context.Context, s *Story, sent []receipt) error {
	if err := s.ends(ctx, sent[0].Run, "done", "failed"); err != nil {
		return err
	}
	return s.reads(ctx, "team-checkout", sent[0].Run, "missing ORDERS_DB_URL", "restored "+repaired.Version)
}

// sendCommands lets two teams say one each: sent are the rerun and the full run.
func sendCommands(ctx context.Context, s *Story) ([]receipt, error) {
	rerun, failed := s.ask(ctx, words{Channel: "team-search", As: "dev-syd", Text: "rerun search"}, "asked for a rerun")
	full, err := s.full(ctx)
	return []receipt{{Run: rerun}, {Run: full}}, errors.Join(failed, err)
}

func checkCommands(ctx context.Context, s *Story, sent []receipt) error {
	rerun, full := sent[0].Run, sent[1].Run
	return errors.Join(
		s.ends(ctx, rerun, "done", "pass"), s.reads(ctx, "team-search", rerun, "repeats"),
		s.ends(ctx, full, "done", "pass"), s.reads(ctx, "infrastructure", full, "all 3", "passed"),
		s.shows(ctx, "infrastructure", full),
	)
}
