package blockkit

import (
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
)

func TestLintFindsEachLimit(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	section := func(text string) slack.Block { return slack.NewSectionBlock(markdown(text), nil, nil) }
	button := func(id, label, value string) *slack.ButtonBlockElement {
		return slack.NewButtonBlockElement(id, value, slack.NewTextBlockObject("plain_text", label, false, false))
	}
	many := func(n int, b slack.Block) (all []slack.Block) {
		for range n {
			all = append(all, b)
		}
		return all
	}
	elements := make([]slack.BlockElement, 26)
	for i := range elements {
		elements[i] = button(long(i+1), "x", "v")
	}
	fields := make([]*slack.TextBlockObject, 11)
	mixed := make([]slack.MixedElement, 11)
	for i := range fields {
		fields[i], mixed[i] = markdown("x"), markdown("x")
	}
	for name, test := range map[string]struct {
		blocks []slack.Block
		text   string
		want   string
	}{
		"no block":        {nil, "x", "0 blocks"},
		"51 blocks":       {many(51, section("x")), "x", "51 blocks"},
		"no fallback":     {many(1, section("x")), "", "text is empty"},
		"long fallback":   {many(1, section("x")), long(4001), "4001 units"},
		"long section":    {many(1, section(long(3001))), "x", "3001 units"},
		"UTF-16 section":  {many(1, section(strings.Repeat("🔺", 1501))), "x", "3002 units"},
		"empty section":   {many(1, section(" ")), "x", "text is empty"},
		"all text":        {many(5, section(long(2700))), "x", "13500 units of text in all"},
		"header":          {many(1, slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", long(151), false, false))), "x", "151 units"},
		"header markdown": {many(1, slack.NewHeaderBlock(markdown("x"))), "x", "must be plain_text"},
		"26 elements":     {many(1, slack.NewActionBlock("", elements...)), "x", "26 elements"},
		"label":           {many(1, slack.NewActionBlock("", button("a", long(76), "v"))), "x", "76 units"},
		"value":           {many(1, slack.NewActionBlock("", button("a", "x", long(2001)))), "x", "2001 units"},
		"no action id":    {many(1, slack.NewActionBlock("", button("", "x", "v"))), "x", "without action_id"},
		"same action id":  {many(1, slack.NewActionBlock("", button("a", "x", "v"), button("a", "x", "v"))), "x", "twice"},
		"long id":         {many(1, slack.NewActionBlock(long(256), button("a", "x", "v"))), "x", "256 units"},
		"11 fields":       {many(1, slack.NewSectionBlock(nil, fields, nil)), "x", "11 fields"},
		"long field":      {many(1, slack.NewSectionBlock(nil, []*slack.TextBlockObject{markdown(long(2001))}, nil)), "x", "2001 units"},
		"11 in context":   {many(1, slack.NewContextBlock("", mixed...)), "x", "11 elements"},
		"long image URL":  {many(1, slack.NewImageBlock("https://"+long(3000), "x", "", nil)), "x", "3008 units"},
		"no alt text":     {many(1, slack.NewImageBlock("https://x.example/y", "", "", nil)), "x", "alt_text is empty"},
		"long alt text":   {many(1, slack.NewImageBlock("https://x.example/y", long(2001), "", nil)), "x", "2001 units"},
		"unknown block":   {many(1, slack.NewDividerBlock()), "x", "does not draw"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, Lint(test.blocks, test.text), test.want) })
	}
}

func TestLintFindsEachLimitOfAView(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	options := func(n int) (all []*slack.OptionBlockObject) {
		for i := range n {
			all = append(all, slack.NewOptionBlockObject(long(i+1), plain("x"), nil))
		}
		return all
	}
	typed := func(limit int, value string) slack.BlockElement {
		return &slack.PlainTextInputBlockElement{Type: slack.METPlainTextInput, ActionID: "value", MaxLength: limit, InitialValue: value}
	}
	menu := func(all ...*slack.OptionBlockObject) *slack.SelectBlockElement {
		return slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, "value", all...)
	}
	elsewhere := menu(options(1)...)
	elsewhere.InitialOption = options(2)[1]
	field := func(e slack.BlockElement) func(*slack.ModalViewRequest) {
		return func(v *slack.ModalViewRequest) {
			v.Blocks.BlockSet = []slack.Block{slack.NewInputBlock("only", plain("x"), nil, e)}
		}
	}
	for name, test := range map[string]struct {
		change func(*slack.ModalViewRequest)
		want   string
	}{
		"type":            {func(v *slack.ModalViewRequest) { v.Type = "page" }, "must be \"modal\""},
		"title":           {func(v *slack.ModalViewRequest) { v.Title = plain(long(25)) }, "title: text has 25 units"},
		"submit":          {func(v *slack.ModalViewRequest) { v.Submit = nil }, "submit: no text"},
		"close":           {func(v *slack.ModalViewRequest) { v.Close = markdown("x") }, "close: text is mrkdwn"},
		"metadata":        {func(v *slack.ModalViewRequest) { v.PrivateMetadata = long(3001) }, "3001 units"},
		"callback":        {func(v *slack.ModalViewRequest) { v.CallbackID = long(256) }, "256 units"},
		"no block":        {func(v *slack.ModalViewRequest) { v.Blocks.BlockSet = nil }, "0 blocks"},
		"101 blocks":      {func(v *slack.ModalViewRequest) { v.Blocks.BlockSet = make101() }, "101 blocks, at least 1, at most 100"},
		"no block_id":     {func(v *slack.ModalViewRequest) { v.Blocks.BlockSet[0].(*slack.InputBlock).BlockID = "" }, "block_id is empty"},
		"long label":      {func(v *slack.ModalViewRequest) { v.Blocks.BlockSet[0].(*slack.InputBlock).Label = plain(long(2001)) }, "2001 units"},
		"long hint":       {func(v *slack.ModalViewRequest) { v.Blocks.BlockSet[0].(*slack.InputBlock).Hint = plain(long(2001)) }, "2001 units"},
		"no action_id":    {field(slack.NewDatePickerBlockElement("")), "without action_id"},
		"no day":          {field(&slack.DatePickerBlockElement{Type: slack.METDatepicker, ActionID: "value", InitialDate: "soon"}), "is no day"},
		"no room":         {field(typed(0, "")), "max_length is 0"},
		"too much room":   {field(typed(3001, "")), "max_length is 3001"},
		"long beginning":  {field(typed(3, "four")), "initial_value has 4 units"},
		"no options":      {field(menu()), "0 options"},
		"101 options":     {field(menu(options(101)...)), "101 options"},
		"11 boxes":        {field(slack.NewCheckboxGroupsBlockElement("value", options(11)...)), "11 options, at least 1, at most 10"},
		"long option":     {field(menu(slack.NewOptionBlockObject("v", plain(long(76)), nil))), "76 units"},
		"long value":      {field(menu(slack.NewOptionBlockObject(long(151), plain("x"), nil))), "151 units"},
		"option twice":    {field(menu(append(options(1), options(1)...)...)), "there twice"},
		"chosen unheard":  {field(elsewhere), "chosen, and not offered"},
		"other menu":      {field(slack.NewOptionsSelectBlockElement(slack.OptTypeUser, nil, "value")), "must be \"static_select\""},
		"unknown element": {field(slack.NewTimePickerBlockElement("value")), "does not draw"},
	} {
		t.Run(name, func(t *testing.T) {
			v := Modal(acknowledge, "")
			require.NoError(t, LintModal(v))
			test.change(&v)
			require.ErrorContains(t, LintModal(v), test.want)
		})
	}
	home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: Modal(acknowledge, "").Blocks}
	require.ErrorContains(t, LintHome(home), "nothing would submit")
}

func make101() (all []slack.Block) {
	for range 101 {
		all = append(all, slack.NewHeaderBlock(plain("x")))
	}
	return all
}
