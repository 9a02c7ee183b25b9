package engine

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"text/template"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bellwether/pipeline"
)

// row is one line of the data file by column.
type row map[string]string

// readRows reads a CSV file whose first line names the columns. No file is one row without columns.
func readRows(path string) ([]row, error) {
	if path == "" {
		return []row{{}}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read its data: %w", err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read its data %s: %w", path, err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("read its data %s: it needs a line with the columns' names and one with values", path)
	}
	rows := make([]row, len(lines)-1)
	for i, line := range lines[1:] {
		rows[i] = make(row, len(line))
		for j, name := range lines[0] {
			rows[i][strings.TrimSpace(name)] = line[j]
		}
	}
	return rows, nil
}

// requests makes one target's requests from its templates and the rows of the data file.
type requests struct {
	rows    []row
	method  string
	url     *template.Template
	body    *template.Template
	headers map[string]*template.Template
	fixed   *vegeta.Target // the only request there is; nil when there are several rows
}

// newRequests parses the templates and tries them with every row.
func newRequests(index int, t pipeline.Target, base string, rows []row) (r requests, err error) {
	r = requests{rows: rows, method: t.Method, headers: make(map[string]*template.Template, len(t.Headers))}
	address := strings.TrimRight(base, "/") + "/" + strings.TrimLeft(t.Path, "/") + mark(index)
	if r.url, err = parse("path", address); err != nil {
		return r, err
	}
	if r.body, err = parse("body", t.Body); err != nil {
		return r, err
	}
	for name, value := range t.Headers {
		if r.headers[http.CanonicalHeaderKey(name)], err = parse("header "+name, value); err != nil {
			return r, err
		}
	}
	return r, r.try()
}

func parse(name, text string) (*template.Template, error) {
	return template.New(name).Option("missingkey=error").Parse(text)
}

func (r *requests) try() error {
	for i, row := range r.rows {
		made, err := r.render(row)
		if err == nil {
			_, err = made.Request()
		}
		if err != nil {
			return fmt.Errorf("row %d of its data: %w", i+1, err)
		}
		if len(r.rows) == 1 {
			r.fixed = &made
		}
	}
	return nil
}

// request makes the target's request number use, counted from 0.
func (r *requests) request(use int) (vegeta.Target, error) {
	if r.fixed != nil {
		return *r.fixed, nil
	}
	return r.render(r.rows[use%len(r.rows)])
}

// render fills one row into the templates. Values go in as they are; {{.name | urlquery}} escapes one.
func (r *requests) render(row row) (made vegeta.Target, err error) {
	made = vegeta.Target{Method: r.method, Header: make(http.Header, len(r.headers))}
	if made.URL, err = fill(r.url, row); err != nil {
		return made, err
	}
	for name, header := range r.headers {
		value, err := fill(header, row)
		if err != nil {
			return made, err
		}
		made.Header[name] = []string{value}
	}
	body, err := fill(r.body, row)
	made.Body = []byte(body)
	return made, err
}

func fill(t *template.Template, row row) (string, error) {
	var text strings.Builder
	err := t.Execute(&text, row)
	return text.String(), err
}

// mark says in a request's URL which target it is of. It is a fragment, which HTTP does not send, and the only trace
// that Vegeta carries from a request to its result even when no response came.
func mark(target int) string { return "#" + strconv.Itoa(target) }

// marked is the inverse of mark.
func marked(url string) (target int) {
	target, _ = strconv.Atoi(url[strings.LastIndexByte(url, '#')+1:])
	return target
}
