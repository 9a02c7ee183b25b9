// Package card draws a bot.Message as an Adaptive Card 1.5 for Microsoft Teams. It does no I/O, and whatever the message
// holds, what it draws is within Teams' limits (Lint) and means nothing to Teams but what the message meant: text from
// outside can neither mention anybody nor format itself.
package card

// Card is what an activity's attachment of content type ContentType holds.
type Card struct {
	Type    string    `json:"type"`
	Schema  string    `json:"$schema"`
	Version string    `json:"version"`
	Body    []Element `json:"body"`
	Actions []Action  `json:"actions,omitempty"`
	Teams   Teams     `json:"msteams"`
}

// ContentType of an attachment that is a Card.
const ContentType = "application/vnd.microsoft.card.adaptive"

// Element is any element of a card's body; Type says which, and thereby which fields mean something.
type Element struct {
	Type  string `json:"type"`
	ID    string `json:"id,omitempty"`
	Style string `json:"style,omitempty"`

	Text    string    `json:"text,omitempty"` // TextBlock: Markdown
	Wrap    bool      `json:"wrap,omitempty"`
	Size    string    `json:"size,omitempty"`
	Weight  string    `json:"weight,omitempty"`
	Subtle  bool      `json:"isSubtle,omitempty"`
	Spacing string    `json:"spacing,omitempty"`
	Bleed   bool      `json:"bleed,omitempty"`
	URL     string    `json:"url,omitempty"` // Image
	Alt     string    `json:"altText,omitempty"`
	Teams   *Teams    `json:"msteams,omitempty"`
	Facts   []Fact    `json:"facts,omitempty"`   // FactSet
	Columns []Column  `json:"columns,omitempty"` // Table
	Rows    []Element `json:"rows,omitempty"`
	Cells   []Element `json:"cells,omitempty"` // TableRow
	Items   []Element `json:"items,omitempty"` // Container, TableCell
	HeadRow *bool     `json:"firstRowAsHeader,omitempty"`
	Grid    *bool     `json:"showGridLines,omitempty"`

	Label     string   `json:"label,omitempty"` // Input.…
	Required  bool     `json:"isRequired,omitempty"`
	Complaint string   `json:"errorMessage,omitempty"`
	Value     string   `json:"value,omitempty"`
	Multiline bool     `json:"isMultiline,omitempty"`
	MaxLength int      `json:"maxLength,omitempty"`
	Several   bool     `json:"isMultiSelect,omitempty"`
	Choices   []Choice `json:"choices,omitempty"`
}

// Fact is a line of a FactSet; both parts are Markdown.
type Fact struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

// Column of a Table.
type Column struct {
	Width int    `json:"width"` // relative to the others
	Align string `json:"horizontalCellContentAlignment,omitempty"`
}

// Choice of an Input.ChoiceSet.
type Choice struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

// Action is a button.
type Action struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Style    string  `json:"style,omitempty"`
	URL      string  `json:"url,omitempty"`
	Verb     string  `json:"verb,omitempty"`
	Data     *Data   `json:"data,omitempty"`
	Inputs   string  `json:"associatedInputs,omitempty"`
	Fallback *Action `json:"fallback,omitempty"` // for a Teams that knows no Action.Execute
}

// The verbs of Action.Execute, also in Data, where a client that falls back to Action.Submit says them.
const (
	VerbCommand = "command" // a button of a message was pressed
	VerbSubmit  = "submit"  // a form was filled in: what was said is bot.Line(Data.Command, Filled(data))
	VerbCancel  = "cancel"  // a form was put away
)

// Data is what a pressed button sends, together with what was filled in, by id. It comes from outside.
type Data struct {
	Verb    string   `json:"verb"`
	Command string   `json:"command"`
	Intent  string   `json:"intent,omitempty"`  // of the message
	Form    bool     `json:"form,omitempty"`    // the rest of the command is to be asked for
	Several []string `json:"several,omitempty"` // ids of which more than one choice can be sent, joined with commas
}

// Teams is what only Teams understands.
type Teams struct {
	Width    string   `json:"width,omitempty"`
	Entities []Entity `json:"entities,omitempty"`
	Expand   bool     `json:"allowExpand,omitempty"`
}

// Entity makes a mention of a text that stands in the card: "<at>anna</at>".
type Entity struct {
	Type      string    `json:"type"`
	Text      string    `json:"text"`
	Mentioned Mentioned `json:"mentioned"`
}

// Mentioned is a person, by Entra object id.
type Mentioned struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Options is what the message itself does not know.
type Options struct {
	Intent     string            // that the card's buttons carry
	Links      map[string]string // URLs of threads, by run
	PictureURL string            // where Teams fetches the message's picture
	More       string            // URL of all that was too much for a card; empty where there is none
}
