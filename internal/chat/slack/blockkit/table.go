package blockkit

import (
	"fmt"
	"strings"

	"bellwether/bot"
)

const (
	cellShare = 80  // units of a cell
	rowShare  = 800 // units of a row
)

// table draws the table as the texts of sections, a row a line of words: "`p95` now 169 ms · was 120 ms". Columns in a
// fixed-width face break on a phone, where about 44 characters fit a line, and hardly any of the bot's tables are that narrow.
func table(t bot.Table) []string {
	var rows []string
	if head := (pen{}).line(bot.Plain(cell(t.Head, 0)), rowShare); head != "" {
		rows = append(rows, head)
	}
	for _, row := range t.Rows {
		if line := (pen{}).line(words(t.Head, row), rowShare); line != "" {
			rows = append(rows, line)
		}
	}
	return chunks(rows)
}

// words are one row: its name, which is code where the row is indented below another, and each value after its heading. A
// single value needs no heading: it speaks of the row. A value that the bot marks with an exclamation mark is bold.
func words(head, row []string) bot.Text {
	name := bot.Bold(cell(row, 0))
	if len(row) > 0 && strings.HasPrefix(row[0], " ") {
		name = bot.Code(cell(row, 0))
	}
	line, separator := bot.Text{name}, " "
	for i := 1; i < len(head); i++ {
		value := cell(row, i)
		if value == "" || value == "–" {
			continue
		}
		label := cell(head, i) + " "
		if name.Bold && strings.Join(row[1:], "") == row[i] {
			label = ""
		}
		line = append(line, bot.Span{Text: separator + label}, bot.Span{Text: value, Bold: strings.HasPrefix(value, "! ")})
		separator = " · "
	}
	return line
}

// cell is clean and of a sensible length; empty where the row ends before it.
func cell(row []string, i int) string {
	if i >= len(row) {
		return ""
	}
	return Line(row[i], cellShare)
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
		if size += length; size > maxSection-2*reserve {
			texts = append(texts, strings.Join(lines, "\n"))
			lines, size = nil, length
		}
		lines = append(lines, row)
	}
	return append(texts, strings.Join(lines, "\n"))
}
