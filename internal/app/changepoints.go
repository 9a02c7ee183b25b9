package app

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"bellwether/internal/stats"
)

// Help is what --help says besides the flags.
func (c *changepointsCommand) Help() string {
	return "Reads a CSV file with one row for each release, run or day, oldest first, and says from which row on the level of a " +
		"column was another one. The first line names the columns unless it is all numbers: then they are called 1, 2 and so on. " +
		"Cells that are empty, NaN or Inf are missing. Columns without numbers are passed over. An index counts rows from 0, " +
		"without the line of names and without empty lines; p is at most 0.01. It ends with 0, or with 2 when the file cannot be used."
}

type changepointsCommand struct {
	File   string `arg:"" name:"file.csv" help:"The series, column by column; - is the standard input."`
	Column string `placeholder:"NAME" help:"The column to look at; every one of numbers, when left out."`
	JSON   bool   `help:"Print JSON."`
}

// levelChange is a change point, for scripts.
type levelChange struct {
	Column string  `json:"column"`
	Index  int     `json:"index"` // of the first row with the new level, from 0
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	P      float64 `json:"p"`
}

func (c *changepointsCommand) Run(p Process) error {
	columns, left, err := c.columns()
	if err != nil {
		return unanswered{err}
	}
	for _, why := range left {
		fmt.Fprintf(p.Err, "bellwether: %s: left out: %s\n", c.File, why)
	}
	changes := []levelChange{}
	for _, column := range columns {
		for _, at := range stats.ChangePoints(column.values) {
			changes = append(changes, levelChange{column.name, at.Index, at.Before, at.After, at.P})
		}
	}
	if c.JSON {
		return printJSON(p.Out, changes)
	}
	return printChanges(p.Out, columns, changes)
}

// columns are those that were asked for. Left tells of others that have numbers, why they are none of them.
func (c *changepointsCommand) columns() (columns []column, left []error, err error) {
	all, err := openTable(c.File)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.File, err)
	}
	if c.Column == "" {
		columns, left, err = all.numeric()
	} else {
		columns = make([]column, 1)
		columns[0], err = all.column(c.Column)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.File, err)
	}
	return columns, left, nil
}

// printChanges is the table for people, and which columns have nothing in it.
func printChanges(w io.Writer, columns []column, changes []levelChange) error {
	if len(changes) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "COLUMN\tINDEX\tBEFORE\tAFTER\tCHANGE\tP")
		for _, c := range changes {
			fmt.Fprintf(table, "%s\t%d\t%.6g\t%.6g\t%s\t%.1g\n", c.Column, c.Index, c.Before, c.After, c.size(), c.P)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	with := map[string]bool{}
	for _, c := range changes {
		with[c.Column] = true
	}
	for _, column := range columns {
		if !with[column.name] {
			fmt.Fprintf(w, "%s: no change point in %d values\n", column.name, column.measured())
		}
	}
	return nil
}

// size is a change in percent, where there is something to take the percent of.
func (c levelChange) size() string {
	if change := 100 * (c.After - c.Before) / math.Abs(c.Before); !math.IsNaN(change) && !math.IsInf(change, 0) {
		return fmt.Sprintf("%+.1f %%", change)
	}
	return "-"
}
