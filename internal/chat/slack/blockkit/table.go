package blockkit

import (
	"fmt"
	"strings"

	"bellwether/bot"
)

const (
	phoneColumns = 44 // characters of the fixed-width face that stand in one line on a screen 360 px wide
	cellShare    = 80 // units of a cell
	rowShare     = 800
	fence        = "```"
)

// table draws the table as the texts of sections: in columns where a phone has room for them, else each row in words.
func table(t bot.Table) []string {
	t = tidy(t)
	if len(t.Rows) == 0 {
		return nil
	}
	lines := strings.Split(t.String(), "\n")
	if !narrow(lines) {
		return chunks(sentences(t))
	}
	for i, line := range lines {
		lines[i] = escaped(strings.ReplaceAll(line, "`", "'"), rowShare)
	}
	texts := chunks(lines)
	for i, text := range texts {
		texts[i] = fence + "\n" + text + "\n" + fence
	}
	return texts
}

// tidy makes the table one that can be drawn: clean cells of a sensible length, each row as long as the head.
func tidy(t bot.Table) bot.Table {
	row := func(cells []string) []string {
		tidied := make([]string, len(t.Head))
		for i := range min(len(tidied), len(cells)) {
			tidied[i] = strings.TrimSpace(shorten(clean(cells[i], false), cellShare))
		}
		return tidied
	}
	tidied := bot.Table{Head: row(t.Head)}
	for _, cells := range t.Rows {
		if r := row(cells); !blank(strings.Join(r, "")) {
			tidied.Rows = append(tidied.Rows, r)
		}
	}
	return tidied
}

func narrow(lines []string) bool {
	for _, line := range lines {
		if units(line) > phoneColumns {
			return false
		}
	}
	return true
}

// sentences are the rows in words: the first cell bold, below it the others, each after its heading.
func sentences(t bot.Table) []string {
	rows := make([]string, len(t.Rows))
	for i, row := range t.Rows {
		var cells bot.Text
		for j, cell := range row[1:] {
			if cell == "" {
				continue
			}
			if len(cells) > 0 {
				cells = append(cells, bot.Span{Text: " · "})
			}
			cells = append(cells, bot.Span{Text: strings.TrimSpace(t.Head[j+1] + " " + cell)})
		}
		name := (pen{}).line(bot.Text{bot.Bold(row[0])}, rowShare)
		rows[i] = strings.Trim(name+"\n"+(pen{}).line(cells, rowShare), "\n")
	}
	return rows
}

// chunks joins the rows to texts that fit a section. Rows beyond the table's share are counted, not drawn.
func chunks(rows []string) []string {
	var texts, lines []string
	used, size := 0, 0
	for i, row := range rows {
		length := units(row) + 1
		if used += length; used > tableShare-2*reserve {
			lines = append(lines, fmt.Sprintf("… and %d more rows", len(rows)-i))
			break
		}
		if size += length; size > maxSection-3*reserve {
			texts = append(texts, strings.Join(lines, "\n"))
			lines, size = nil, length
		}
		lines = append(lines, row)
	}
	return append(texts, strings.Join(lines, "\n"))
}
