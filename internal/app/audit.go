package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode"

	"bellwether/commands"
	"bellwether/internal/store"
	"bellwether/pipeline"
)

type auditCommand struct {
	configFlag
	Since string `default:"7d" help:"From when on: how long ago (12h, 7d), a day (2026-11-23), or a time (2026-11-23T12:00:00Z)." placeholder:"WHEN"`
	Until string `help:"Up to when, in the same words; now, when left out." placeholder:"WHEN"`
	Who   string `help:"Only what this person said: a name of the catalog, of the chat, or an id such as T0TEAM/U0DEVSG."`
	About string `name:"run" help:"Only what was about this run." placeholder:"R42"`
	JSON  bool   `help:"Print JSON."`
}

// uttered is what somebody said to Bellwether, for scripts.
type uttered struct {
	At       time.Time `json:"at"`
	Who      string    `json:"who"`
	Name     string    `json:"name"`
	Platform string    `json:"platform"`
	Channel  string    `json:"channel"`
	What     string    `json:"what"`
	Run      string    `json:"run"`
	Result   string    `json:"result"` // done, asked (for the rest, by a form), denied, mistake, failed, or unknown
	Reason   string    `json:"reason"`
	ID       string    `json:"id"` // of a failure in the log, too
}

// unsettled is what became of a command that Bellwether was cut short in.
const unsettled = "unknown"

func utteredOf(e commands.Entry) uttered {
	return uttered{e.At.UTC(), e.Who, e.Name, e.Platform, e.Channel, e.What, e.Run, cmp.Or(e.Result, unsettled), e.Reason, e.ID}
}

func (c *auditCommand) Run(ctx context.Context, p Process) error {
	from, to, err := c.span(p.Now())
	if err != nil {
		return unanswered{err}
	}
	s, cat, err := c.memory(ctx, p)
	if err != nil {
		return err
	}
	defer s.close()
	log := &store.Audit{Store: s.store}
	said := c.wanted(cat, log.Said(ctx, from, to))
	if c.JSON {
		err = printEach(p.Out, said)
	} else {
		err = printSaid(p.Out, said)
	}
	if err != nil {
		return unanswered{err}
	}
	return nil
}

func (c *auditCommand) span(now time.Time) (from, to time.Time, err error) {
	if from, err = moment(c.Since, now); err != nil {
		return from, to, fmt.Errorf("--since: %w", err)
	}
	if c.Until == "" {
		return from, now.Add(time.Minute), nil // the clock of Redis may be ahead
	}
	if to, err = moment(c.Until, now); err != nil {
		return from, to, fmt.Errorf("--until: %w", err)
	}
	return from, to, nil
}

// moment is a time as people name it; a day begins in UTC.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return now, fmt.Errorf("%q is no time; write for example 12h, 7d, 2026-11-23 or 2026-11-23T12:00:00Z", text)
}

// wanted are the entries that were asked for.
func (c *auditCommand) wanted(cat *pipeline.Catalog, said iter.Seq2[commands.Entry, error]) iter.Seq2[uttered, error] {
	return func(yield func(uttered, error) bool) {
		for e, err := range said {
			if (err != nil || c.by(cat, e) && (c.About == "" || strings.EqualFold(e.Run, c.About))) && !yield(utteredOf(e), err) {
				return
			}
		}
	}
}

// by tells whether the entry is of whoever was asked for.
func (c *auditCommand) by(cat *pipeline.Catalog, e commands.Entry) bool {
	workspace, user, several := strings.Cut(e.Who, "/")
	if !several {
		workspace, user = "", e.Who
	}
	person, known := cat.PersonOf(e.Platform, workspace, user)
	return c.Who == "" || known && person.Name == c.Who || strings.EqualFold(e.Name, c.Who) || strings.EqualFold(e.Who, c.Who)
}

// printEach prints a JSON array, however long, without holding it.
func printEach(w io.Writer, said iter.Seq2[uttered, error]) error {
	before := "["
	for u, err := range said {
		if err != nil {
			return err
		}
		text, err := json.MarshalIndent(u, "  ", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n  %s", before, text)
		before = ","
	}
	if before == "[" {
		_, err := fmt.Fprintln(w, "[]")
		return err
	}
	_, err := fmt.Fprintln(w, "\n]")
	return err
}

const saidLine = "%-20s  %-24s  %-8s  %-40s  %-6s  %s\n"

// printSaid prints a table, newest first.
func printSaid(w io.Writer, said iter.Seq2[uttered, error]) error {
	empty := true
	for u, err := range said {
		if err != nil {
			return err
		}
		if empty {
			fmt.Fprintf(w, saidLine, "TIME (UTC)", "WHO", "PLATFORM", "WHAT", "RUN", "RESULT")
			empty = false
		}
		result := u.Result
		if u.Reason != "" {
			result += ": " + u.Reason
		}
		fmt.Fprintf(w, saidLine, u.At.Format(time.DateTime), printable(u.Name+" ("+u.Who+")"), u.Platform, printable(u.What), cmp.Or(u.Run, "-"), printable(result))
	}
	if empty {
		fmt.Fprintln(w, "Nobody said anything of that kind in that time.")
	}
	return nil
}

// printable keeps what people typed from speaking to the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
}
