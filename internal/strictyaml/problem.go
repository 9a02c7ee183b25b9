// Package strictyaml reads YAML that people write by hand (settings and catalogs) and tells them everything that is wrong
// with it at once, each problem with its file, line and key, and with what to write instead.
//
// A Reader parses files into Values. A Value is asked for what the caller wants it to be (Text, Duration, Object, …); when
// it is something else, the Reader notes a problem and the caller gets a zero value and simply goes on.
package strictyaml

import (
	"cmp"
	"slices"
	"strconv"
)

// Problem is one mistake, or, as a warning, something that is probably not meant.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1; 0 when the whole file is meant
	Key     string `json:"key"`  // "teams.checkout.zone"; empty for the whole file
	Text    string `json:"text"` // what is wrong, and what to write instead
	Warning bool   `json:"warning"`
}

// String is the line people read: `catalog/teams.yaml:14: teams.checkout.zone: "Asia/Singapor" is no IANA zone; …`.
func (p Problem) String() string {
	line := p.File
	if p.Line > 0 {
		line += ":" + strconv.Itoa(p.Line)
	}
	if p.Warning {
		line += ": warning"
	}
	if p.Key != "" {
		line += ": " + p.Key
	}
	return line + ": " + p.Text
}

// Refused tells whether something among the problems is more than a warning.
func Refused(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

// sorted orders problems by file and line, and drops those that were found twice.
func sorted(problems []Problem) []Problem {
	list := slices.Clone(problems)
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Key, b.Key), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(list)
}
