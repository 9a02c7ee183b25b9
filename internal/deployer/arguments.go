package deployer

import (
	"errors"
	"fmt"
	"strings"
	"text/template"

	"bellwether/pipeline"
)

// arguments fills the values into a command's templates, the first of which is the program.
//
// Values come from outside, so two things are refused. A value must not choose the program. And it must not turn an
// argument into an option, as a version called "--all" would: an argument may begin with "-" only if the catalog wrote
// that. ("--image={{.Image}}" is safe with any value; "{{.Image}}" alone may hold anything else.)
func arguments(run []string, v pipeline.Values) ([]string, error) {
	if len(run) == 0 || run[0] == "" {
		return nil, errors.New("no program is named; write run: [\"./deploy.sh\"]")
	}
	if strings.Contains(run[0], "{{") {
		return nil, errors.New("the program must not be a template; give the value as an argument")
	}
	args := []string{run[0]}
	for i, text := range run[1:] {
		arg, err := fill(text, v)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(text, "-") {
			return nil, fmt.Errorf("argument %d, %s, would become the option %q; refused", i+1, text, arg)
		}
		args = append(args, arg)
	}
	return args, nil
}

func fill(text string, v pipeline.Values) (string, error) {
	t, err := template.New(text).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var filled strings.Builder
	if err := t.Execute(&filled, v); err != nil {
		return "", err
	}
	return filled.String(), nil
}
