package blockkit

import (
	"fmt"
	"slices"
	"strings"

	"bellwether/bot"
	"bellwether/internal/chat/text"
)

const (
	cellShare = 80  // units of a cell
	rowShare  = 800 // units of a row
)

// table draws the table as the texts of sections, a row a line of words: "`p95` now 169 ms · was 120 ms". Columns in a
// fixed-width face break on a phone, where about 44 characters fit a line, and hardly any of the bot's tables are that narrow.
// Rows beyond the table's share are counted, not drawn.
func (p *pen) table(t bot.Table) []string {
	lines, used := []string{p.line(bot.Text{bot.Bold(p.cell(t.Head, 0))}, rowShare)}, 0
	for i, row := range t.Rows {
		line := p.line(p.words(t.Head, row), rowShare)
		if used += text.Units(line) + 1; used > tableShare-rowShare {
			p.cut = true
			lines = append(lines, fmt.Sprintf("… and %d more rows", len(t.Rows)-i))
			break
		}
		lines = append(lines, line)
	}
	return chunks(lines)
}

// words are one row: its name, which is bold where the row speaks of those below it, and each value after its heading. A
// single value needs no heading: it speaks of the row. A value that the bot marks with an exclamation mark is bold.
func (p *pen) words(head, row []string) bot.Text {
	alone := len(row) < 2 || slices.Contains(row[1:], strings.Join(row[1:], ""))
	name := bot.Code(p.cell(row, 0))
	if alone {
		name = bot.Bold(p.cell(row, 0))
	}
	line, separator := bot.Text{name}, " "
	for i := 1; i < len(head); i++ {
		value := p.cell(row, i)
		if value == "" || value == "–" {
			continue
		}
		label := p.cell(head, i) + " "
		if alone {
			label = ""
		}
		line = append(line, bot.Span{Text: separator + label}, bot.Span{Text: value, Bold: strings.HasPrefix(value, "! ")})
		separator = " · "
	}
	return line
}

// cell is clean and of a sensible length; empty where the row ends before it.
func (p *pen) cell(row []string, i int) string {
	if i >= len(row) {
		return ""
	}
	return p.shorten(strings.TrimSpace(text.Clean(row[i], false)), cellShare)
}

// shorten cuts at a rune, and remembers it.
func (p *pen) shorten(whole string, limit int) string {
	short := text.Shorten(whole, limit)
	p.cut = p.cut || short != whole
	return short
}

// chunks joins the lines that are not empty to texts that fit a section.
func chunks(lines []string) []string {
	texts, size := []string{""}, 0
	for _, line := range lines {
		if line == "" {
			continue
		}
		if size += text.Units(line) + 1; size > maxSection {
			texts, size = append(texts, ""), text.Units(line)+1
		}
		last := &texts[len(texts)-1]
		*last = strings.TrimPrefix(*last+"\n"+line, "\n")
	}
	return texts
}
