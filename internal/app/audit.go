package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
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
	JSON  bool   `help:"Print JSON, which has what was said in full."`
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
	if err == nil && c.About != "" && !runID.MatchString(c.About) {
		err = fmt.Errorf("--run: %q is no run; write for example R42", c.About)
	}
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

var runID = regexp.MustCompile(`^[Rr][0-9]+$`)

// span is the time that is asked about; an error when nothing can have been said in it.
func (c *auditCommand) span(now time.Time) (from, to time.Time, err error) {
	if from, err = moment(c.Since, now); err != nil {
		return from, to, fmt.Errorf("--since: %w", err)
	}
	if from.After(now) {
		return from, to, fmt.Errorf("--since: %s is yet to come", c.Since)
	}
	if c.Until == "" {
		return from, now.Add(time.Minute), nil // the clock of Redis may be ahead
	}
	if to, err = moment(c.Until, now); err != nil {
		return from, to, fmt.Errorf("--until: %w", err)
	}
	if !to.After(from) {
		return from, to, fmt.Errorf("--until: %s is no later than --since %s", c.Until, c.Since)
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

const (
	heldRows = 500 // rows of the table that are held at a time, to find how wide its columns are
	cellSize = 60  // runes of a cell; JSON has all of them
)

// printSaid prints a table, newest first.
func printSaid(w io.Writer, said iter.Seq2[uttered, error]) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows := 0
	for u, err := range said {
		if err != nil {
			return errors.Join(err, table.Flush())
		}
		if rows == 0 {
			fmt.Fprintln(table, "TIME (UTC)\tWHO\tPLATFORM\tWHAT\tRUN\tRESULT")
		}
		fmt.Fprintln(table, u.row())
		if rows++; rows%heldRows == 0 {
			if err := table.Flush(); err != nil {
				return err
			}
		}
	}
	if rows == 0 {
		fmt.Fprintln(w, "Nobody said anything of that kind in that time.")
	}
	return table.Flush()
}

func (u uttered) row() string {
	result := u.Result
	if u.Reason != "" {
		result += ": " + u.Reason
	}
	return strings.Join([]string{
		u.At.Format(time.DateTime), cell(u.Name) + " (" + printable(u.Who) + ")", u.Platform, cell(u.What), cmp.Or(u.Run, "-"), printable(result),
	}, "\t")
}

// cell is a text that leaves room for the other columns.
func cell(text string) string {
	if runes := []rune(text); len(runes) > cellSize {
		text = string(runes[:cellSize-1]) + "…"
	}
	return printable(text)
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
