package k6

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"bellwether/internal/record/lines"
	"bellwether/internal/record/tally"
)

// IsJSON tells whether a file that begins like this is k6's JSON lines.
func IsJSON(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	return bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"metric":`)) &&
		(bytes.Contains(line, []byte(`"type":"Metric"`)) || bytes.Contains(line, []byte(`"type":"Point"`)))
}

// ReadJSON reads a file of `k6 run --out json`.
func ReadJSON(text io.Reader) (*tally.Tally, error) {
	var r reader
	in := lines.New(text)
	for {
		line, err := in.Next()
		if err == io.EOF {
			return r.finish()
		}
		if err != nil {
			return nil, err
		}
		var p point
		if !scan(line, &p) {
			p, err = decode(line)
		}
		if err == nil {
			err = r.add(&p)
		}
		if err != nil {
			return nil, in.Errorf("%w", err)
		}
	}
}

// decode reads any line, by encoding/json. The point of a line that only declares a metric is empty.
func decode(line []byte) (point, error) {
	var envelope struct {
		Metric string
		Type   string
		Data   json.RawMessage
	}
	if err := json.Unmarshal(line, &envelope); err != nil {
		return point{}, explain(line, err)
	}
	switch envelope.Type {
	case "Metric":
		return point{}, nil
	case "Point":
	default:
		return point{}, errors.New("JSON, and neither a Metric nor a Point of k6: are these two files? compare them one by one")
	}
	if !interesting([]byte(envelope.Metric)) {
		return point{}, nil
	}
	var data struct {
		Time  string
		Value json.Number
		Tags  map[string]string
	}
	if err := json.Unmarshal(envelope.Data, &data); err != nil {
		return point{}, explain(line, err)
	}
	p := point{metric: []byte(envelope.Metric), time: []byte(data.Time), value: []byte(data.Value)}
	for tag, value := range data.Tags {
		if field := p.tag([]byte(tag)); field != nil {
			*field = []byte(value)
		}
	}
	return p, nil
}

// explain says what people need to know of a line that is no JSON.
func explain(line []byte, err error) error {
	_, mistaken := errors.AsType[*json.SyntaxError](err)
	switch {
	case len(line) == 0:
		return errors.New("an empty line")
	case IsCSV(line):
		return errors.New("CSV after JSON: these are two files, compare them one by one")
	case mistaken && line[0] == '{' && line[len(line)-1] != '}':
		return errors.New("cut off; copy the file again")
	}
	return err
}

// tag is the field of a tag; nil when it does not matter.
func (p *point) tag(name []byte) *[]byte {
	switch string(name) {
	case "scenario":
		return &p.scenario
	case "group":
		return &p.group
	case "name":
		return &p.name
	case "url":
		return &p.url
	case "status":
		return &p.status
	case "expected_response":
		return &p.expected
	case "error_code":
		return &p.failure
	}
	return nil
}
