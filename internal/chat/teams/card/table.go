package card

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"bellwether/bot"
)

const (
	cellShare = 300 // bytes of JSON
	// A column is as wide as its longest cell, within these many letters.
	narrow, wide = 5, 12

	nothing = barrier // in a cell: Teams wants a text
)

// table draws the table, numbers to the right. A row that only names what follows becomes the head of a table of its own: a
// phone has no room for long names in a column. Rows for which there is no room are counted, not drawn.
func (p *pen) table(t bot.Table) []Element {
	t.Head = t.Head[:min(len(t.Head), maxColumns)]
	var drawn []Element
	head, all := t.Head, columns(t)
	for i, row := range t.Rows {
		more, ok := []Element(nil), true
		switch {
		case !alone(row, len(t.Head)):
			drawn, ok = p.row(drawn, head, row, all)
			head = nil
		case i+1 < len(t.Rows) && !alone(t.Rows[i+1], len(t.Head)) && value(row) == "":
			head = append([]string{row[0]}, t.Head[1:]...)
		default:
			more, ok = p.remark(row)
			head = t.Head
		}
		if drawn = append(drawn, more...); !ok {
			return append(drawn, paragraph(fmt.Sprintf("… and %d more rows", len(t.Rows)-i)))
		}
	}
	return drawn
}

// alone tells whether a row of a table of several columns has a name, and not more than one value.
func alone(row []string, columns int) bool {
	return columns > 2 && len(row) > 0 && len(slices.DeleteFunc(slices.Clone(row[1:]), func(v string) bool { return v == "" })) < 2
}

// value is what a row has behind its name when it is alone.
func value(row []string) string { return strings.Join(row[1:], "") }

// remark is a row that is alone, as a line of text.
func (p *pen) remark(row []string) ([]Element, bool) {
	e := paragraph(p.line(bot.Text{bot.Bold(row[0]), {Text: " " + value(row)}}, cellShare))
	if e.Text == "" {
		return nil, true
	}
	return []Element{e}, p.fits(e)
}

// row draws the row below those that are there, with a head in a new table; not ok where there is no room.
func (p *pen) row(drawn []Element, head, row []string, all []Column) (more []Element, ok bool) {
	if head != nil {
		table := Element{Type: "Table", HeadRow: new(true), Grid: new(false), Columns: all, Rows: []Element{p.cells(head, len(all))}}
		if len(all) == 0 || !p.fits(table) {
			return drawn, false
		}
		drawn = append(drawn, table)
	}
	cells := p.cells(row, len(all))
	if !p.fits(cells) {
		return drawn, false
	}
	last := &drawn[len(drawn)-1]
	last.Rows = append(last.Rows, cells)
	return drawn, true
}

// cells are exactly as many as there are columns. A value that the bot marks with an exclamation mark is bold.
func (p *pen) cells(values []string, n int) Element {
	row := Element{Type: "TableRow", Cells: make([]Element, n)}
	for i := range row.Cells {
		var words bot.Span
		if i < len(values) {
			words = bot.Span{Text: values[i], Bold: strings.HasPrefix(values[i], "! ")}
		}
		cell := cmp.Or(p.line(bot.Text{words}, cellShare), nothing)
		row.Cells[i] = Element{Type: "TableCell", Items: []Element{paragraph(cell)}}
	}
	return row
}

func columns(t bot.Table) []Column {
	all := make([]Column, len(t.Head))
	for i := range all {
		all[i].Width = narrow
		for _, row := range append([][]string{t.Head}, t.Rows...) {
			if i < len(row) && !alone(row, len(t.Head)) {
				all[i].Width = max(all[i].Width, width(row[i]))
			}
		}
		if i > 0 {
			all[i].Align = "Right"
		}
	}
	return all
}

// width is how many letters wide a text makes its column.
func width(words string) int {
	return min(utf8.RuneCountInString(words[:min(len(words), wide*utf8.UTFMax)]), wide)
}
