package card

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/bot"
)

func TestLintFindsEachLimit(t *testing.T) {
	long := strings.Repeat("x", 200)
	button := execute("Rerun", "", Data{Verb: VerbCommand, Command: "rerun R42"})
	anna := Entity{Type: "mention", Text: "<at>anna</at>", Mentioned: Mentioned{ID: "1", Name: "anna"}}
	field := Element{Type: "Input.Text", ID: "because", Label: "Why"}
	body := func(all ...Element) func(*Card) { return func(c *Card) { c.Body = all } }
	text := func(words string) func(*Card) { return body(paragraph(words)) }
	action := func(change func(*Action)) func(*Card) {
		return func(c *Card) {
			changed := button
			change(&changed)
			c.Actions = []Action{changed}
		}
	}
	for name, test := range map[string]struct {
		change func(*Card)
		want   string
	}{
		"newer":              {func(c *Card) { c.Version = "1.6" }, "must be an AdaptiveCard 1.5"},
		"bytes":              {text(strings.Repeat("x", maxCard)), "bytes, at most 24000"},
		"no body":            {body(), "empty body"},
		"7 actions":          {func(c *Card) { c.Actions = make([]Action, 7) }, "7 actions, at most 6"},
		"no text":            {text(""), "text is empty"},
		"control":            {text("a\x07"), "control characters"},
		"override":           {text("a\u202e"), "control characters"},
		"half a macro":       {text("{{DATE(now)}}"), "macro that is no time"},
		"unknown mention":    {text("<at>anna</at>"), "mentions nobody"},
		"half a mention":     {text("<at>anna"), "mentions nobody"},
		"shouted mention":    {text("<AT>anna</AT>"), "mentions nobody"},
		"unsaid mention":     {func(c *Card) { c.Teams.Entities = []Entity{anna} }, "stands in no text"},
		"mention of none":    {func(c *Card) { c.Teams.Entities = []Entity{{Type: "mention", Text: "<at>x</at>"}} }, "is no mention"},
		"mention twice":      {func(c *Card) { c.Teams.Entities = []Entity{anna, anna} }, "is there twice"},
		"21 mentions":        {func(c *Card) { c.Teams.Entities = make([]Entity, 21) }, "21 mentions, at most 20"},
		"unknown element":    {body(Element{Type: "Carousel"}), "does not draw"},
		"empty container":    {body(Element{Type: "Container"}), "without items"},
		"inside":             {body(Element{Type: "Container", Items: []Element{paragraph("")}}), "body[0].items[0] (TextBlock): text is empty"},
		"no facts":           {body(Element{Type: "FactSet"}), "without facts"},
		"empty fact":         {body(Element{Type: "FactSet", Facts: []Fact{{Title: "x"}}}), "value of a fact is empty"},
		"http picture":       {body(Element{Type: "Image", URL: "http://x.example/y", Alt: "x"}), "over https only"},
		"data picture":       {body(Element{Type: "Image", URL: "data:image/png;base64,AA", Alt: "x"}), "over https only"},
		"mute picture":       {body(Element{Type: "Image", URL: "https://x.example/y"}), "without altText"},
		"no columns":         {body(Element{Type: "Table"}), "0 columns"},
		"row too short":      {body(Element{Type: "Table", Columns: make([]Column, 2), Rows: []Element{{Type: "TableRow"}}}), "TableRow of 0 cells, must be a TableRow of 2"},
		"no id":              {body(Element{Type: "Input.Date", Label: "x"}), "without id"},
		"same id":            {body(field, field), `"because" is there twice`},
		"reserved id":        {body(Element{Type: "Input.Text", ID: "command", Label: "x"}), "means something else"},
		"long label":         {body(Element{Type: "Input.Text", ID: "x", Label: long}), "must be 1 to 100 units"},
		"silent requirement": {body(Element{Type: "Input.Text", ID: "x", Label: "x", Required: true}), "without an errorMessage"},
		"no choices":         {body(Element{Type: "Input.ChoiceSet", ID: "x", Label: "x"}), "without choices"},
		"empty choice":       {body(choices("", Choice{Title: "x"})), "is empty"},
		"same choice":        {body(choices("", Choice{"x", "x"}, Choice{"x", "x"})), "is there twice"},
		"several in one":     {body(choices("", Choice{"x", "x,y"})), "looks like several"},
		"chosen, unoffered":  {body(choices("y", Choice{"x", "x"})), "not offered"},
		"no title":           {action(func(a *Action) { a.Title = "" }), "must be 1 to 60 units"},
		"long title":         {action(func(a *Action) { a.Title = long }), "must be 1 to 60 units"},
		"bad link":           {action(func(a *Action) { *a = Action{Type: "Action.OpenUrl", Title: "x", URL: "javascript:x"} }), "leads nowhere"},
		"unknown action":     {action(func(a *Action) { a.Type = "Action.ShowCard" }), "does not draw"},
		"no data":            {action(func(a *Action) { a.Data = nil }), "do not say what a press means"},
		"unknown verb":       {action(func(a *Action) { a.Verb = "poke" }), "do not say what a press means"},
		"no fallback":        {action(func(a *Action) { a.Fallback = nil }), "as fallback"},
		"other fallback": {action(func(a *Action) {
			a.Fallback = &Action{Type: "Action.Submit", Title: a.Title, Data: &Data{Verb: VerbCancel}}
		}), "as fallback"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Draw(bot.Message{Title: "Results"}, Options{})
			require.NoError(t, Lint(c))
			test.change(&c)
			require.ErrorContains(t, Lint(c), test.want)
		})
	}
}

func choices(value string, all ...Choice) Element {
	return Element{Type: "Input.ChoiceSet", ID: "only", Label: "Scenarios", Several: true, Choices: all, Value: value}
}

func TestLintFindsWhatIsWrongWithAPicture(t *testing.T) {
	for problem, raw := range map[string][]byte{
		"":                       blank(t, maxSide, maxSide),
		"1025 x 1 pixels":        blank(t, maxSide+1, 1),
		"1 x 1025 pixels":        blank(t, 1, maxSide+1),
		"1000001 bytes":          append(blank(t, 1, 1), make([]byte, maxPicture+1-len(blank(t, 1, 1)))...),
		"no PNG":                 []byte("<svg/>"),
		"no PNG: unexpected EOF": blank(t, 1, 1)[:20],
	} {
		if err := LintPicture(raw); problem == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, problem)
		}
	}
}

func blank(t *testing.T, width, height int) []byte {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))))
	return b.Bytes()
}
