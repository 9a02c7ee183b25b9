package peers

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxPattern is how long a rule's event pattern may be, in characters.
const maxPattern = 2048

// predicate tells whether a value of an event matches; present is false where the event has no such field.
type predicate func(value any, present bool) bool

// compilePattern understands an event pattern, and refuses what PutRule would refuse.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
func compilePattern(pattern []byte) (matches func(envelope []byte) bool, err error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("event pattern: %d characters; AWS takes %d", len(pattern), maxPattern)
	}
	var object map[string]any
	if err := json.Unmarshal(pattern, &object); err != nil {
		return nil, fmt.Errorf("event pattern: %w", err)
	}
	root, err := compileObject(object)
	if err != nil {
		return nil, fmt.Errorf("event pattern is not valid, reason: %w", err)
	}
	return func(envelope []byte) bool {
		var event map[string]any
		return json.Unmarshal(envelope, &event) == nil && root(event, true)
	}, nil
}

// compileObject: all fields must match, in one and the same element where the event has an array of objects.
func compileObject(object map[string]any) (predicate, error) {
	if len(object) == 0 {
		return nil, errors.New("empty objects are not allowed")
	}
	var all []predicate
	for key, sub := range object {
		one, err := compileField(key, sub)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	every := func(value any, present bool) bool {
		return !slices.ContainsFunc(all, func(p predicate) bool { return !p(value, present) })
	}
	return func(value any, present bool) bool {
		if list, ok := value.([]any); ok {
			return slices.ContainsFunc(list, func(v any) bool { return every(v, true) })
		}
		return every(value, present)
	}, nil
}

func compileField(key string, sub any) (predicate, error) {
	var inner predicate
	var err error
	switch sub := sub.(type) {
	case map[string]any:
		inner, err = compileObject(sub)
	case []any:
		if key == "$or" {
			return compileOr(sub)
		}
		inner, err = compileLeaf(sub)
	default:
		err = fmt.Errorf("%q must be an object or an array", key)
	}
	if err != nil {
		return nil, err
	}
	return func(value any, _ bool) bool {
		object, _ := value.(map[string]any)
		child, present := object[key]
		return inner(child, present)
	}, nil
}

func compileOr(patterns []any) (predicate, error) {
	if len(patterns) < 2 {
		return nil, errors.New("there must be at least 2 objects in a $or relationship")
	}
	var alternatives []predicate
	for _, p := range patterns {
		object, ok := p.(map[string]any)
		if !ok {
			return nil, errors.New("only objects are allowed in a $or relationship")
		}
		one, err := compileObject(object)
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, one)
	}
	return anyOf(alternatives), nil
}

func anyOf(alternatives []predicate) predicate {
	return func(value any, present bool) bool {
		return slices.ContainsFunc(alternatives, func(p predicate) bool { return p(value, present) })
	}
}

// compileLeaf: one of the values must match one of the event's. An empty array in an event counts as no value.
func compileLeaf(values []any) (predicate, error) {
	if len(values) == 0 {
		return nil, errors.New("empty arrays are not allowed")
	}
	var alternatives []predicate
	for _, v := range values {
		one, err := compileValue(v)
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, one)
	}
	match := anyOf(alternatives)
	return func(value any, present bool) bool {
		switch value := value.(type) {
		case map[string]any:
			return match(nil, false) // patterns see leaves only
		case []any:
			if len(value) == 0 {
				return match(nil, false)
			}
			return slices.ContainsFunc(value, func(v any) bool { return match(v, true) })
		}
		return match(value, present)
	}, nil
}

func compileValue(want any) (predicate, error) {
	switch want := want.(type) {
	case []any:
		return nil, errors.New("arrays in arrays are not allowed")
	case map[string]any:
		if len(want) != 1 {
			return nil, errors.New("only one key is allowed in a match expression")
		}
		for operator, operand := range want {
			return compileOperator(operator, operand)
		}
	}
	return present(func(got any) bool { return got == want }), nil
}

func present(match func(got any) bool) predicate {
	return func(got any, present bool) bool { return present && match(got) }
}

func compileOperator(operator string, operand any) (predicate, error) {
	switch operator {
	case "exists":
		want, ok := operand.(bool)
		if !ok {
			return nil, errors.New("exists takes true or false")
		}
		return func(_ any, present bool) bool { return present == want }, nil
	case "numeric":
		return compileNumeric(operand)
	case "anything-but":
		return compileAnythingBut(operand)
	}
	return compileText(operator, operand)
}

// compileText compiles the operators on strings.
func compileText(operator string, operand any) (predicate, error) {
	fold := func(s string) string { return s }
	if ignoring, ok := operand.(map[string]any); ok && (operator == "prefix" || operator == "suffix") {
		operand, fold = ignoring["equals-ignore-case"], strings.ToLower
	}
	want, ok := operand.(string)
	if !ok || want == "" && operator != "equals-ignore-case" {
		return nil, fmt.Errorf("%s takes a string that is not empty", operator)
	}
	tests := map[string]func(got string) bool{
		"prefix":             func(got string) bool { return strings.HasPrefix(fold(got), fold(want)) },
		"suffix":             func(got string) bool { return strings.HasSuffix(fold(got), fold(want)) },
		"equals-ignore-case": func(got string) bool { return strings.EqualFold(got, want) },
		"wildcard":           func(got string) bool { return wild(want, got) },
	}
	test, ok := tests[operator]
	if !ok {
		return nil, fmt.Errorf("unrecognized match type %s", operator)
	}
	return present(func(got any) bool {
		text, ok := got.(string)
		return ok && test(text)
	}), nil
}

// wild matches "*" with any characters, a slash too; nothing else is special.
func wild(pattern, text string) bool {
	plain := strings.NewReplacer("/", "\x00", "?", `\?`, "[", `\[`)
	ok, err := path.Match(plain.Replace(pattern), strings.ReplaceAll(text, "/", "\x00"))
	return ok && err == nil
}

// compileAnythingBut negates values or one operator on strings, which may have several operands; the field must be there.
func compileAnythingBut(operand any) (predicate, error) {
	var without []predicate
	add := func(p predicate, err error) error { without = append(without, p); return err }
	var err error
	switch operand := operand.(type) {
	case map[string]any:
		for operator, texts := range operand {
			for _, text := range listed(texts) {
				err = errors.Join(err, add(compileText(operator, text)))
			}
		}
	default:
		for _, v := range listed(operand) {
			switch v.(type) {
			case string, float64:
				err = errors.Join(err, add(compileValue(v)))
			default:
				err = errors.New("anything-but takes strings, numbers, or one operator on strings")
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if len(without) == 0 {
		return nil, errors.New("anything-but takes at least one value")
	}
	hit := anyOf(without)
	return present(func(got any) bool { return !hit(got, true) }), nil
}

func listed(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// compileNumeric takes one comparison, or the two of a range: [">", 0, "<=", 5].
func compileNumeric(operand any) (predicate, error) {
	terms, ok := operand.([]any)
	if !ok || len(terms) != 2 && len(terms) != 4 {
		return nil, errors.New("numeric takes one or two comparisons")
	}
	comparisons := map[string]func(got, limit float64) bool{
		"=":  func(got, limit float64) bool { return got == limit },
		"<":  func(got, limit float64) bool { return got < limit },
		"<=": func(got, limit float64) bool { return got <= limit },
		">":  func(got, limit float64) bool { return got > limit },
		">=": func(got, limit float64) bool { return got >= limit },
	}
	for i := 0; i < len(terms); i += 2 {
		sign, _ := terms[i].(string)
		if _, number := terms[i+1].(float64); !number || comparisons[sign] == nil {
			return nil, fmt.Errorf("numeric: %v %v is no comparison", terms[i], terms[i+1])
		}
	}
	return present(func(got any) bool {
		number, ok := got.(float64)
		for i := 0; i < len(terms); i += 2 {
			ok = ok && comparisons[terms[i].(string)](number, terms[i+1].(float64))
		}
		return ok
	}), nil
}
