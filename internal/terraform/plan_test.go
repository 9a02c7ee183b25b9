package terraform

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

// parsed is a plan of these resource changes, as `terraform show -json` writes it.
func parsed(t *testing.T, resources ...string) *tfjson.Plan {
	var plan tfjson.Plan
	require.NoError(t, json.Unmarshal([]byte(`{"format_version":"1.2","resource_changes":[`+strings.Join(resources, ",")+`]}`), &plan))
	return &plan
}

// resource is a resource change; change is what its "change" holds, without the braces.
func resource(address, change string) string {
	kind, _, _ := strings.Cut(address, ".")
	return `{"address":"` + address + `","mode":"managed","type":"` + kind + `","change":{` + change + `}}`
}

func TestActions(t *testing.T) {
	tests := map[string]string{
		`"no-op"`: "", `"read"`: "", `"forget"`: "", ``: "", `"reticulate"`: "",
		`"create"`: "create", `"update"`: "update", `"delete"`: "delete",
		`"create","delete"`: "replace", `"delete","create"`: "replace", `"create","forget"`: "replace", `"forget","create"`: "replace",
	}
	for actions, want := range tests {
		plan := summarise(parsed(t, resource("x.y", `"actions":[`+actions+`]`)), nil)
		if want == "" {
			require.Empty(t, plan.Resources, actions)
			require.Equal(t, actions != `"forget"`, plan.Empty(), actions)
			continue
		}
		require.Equal(t, []pipeline.Resource{{Address: "x.y", Type: "x", Action: want}}, plan.Resources, actions)
	}
}

// What only changes the state is applied too, and touches nothing.
func TestWhatIsNoChangeIsLeftOut(t *testing.T) {
	data := `{"address":"data.x.y","mode":"data","type":"x","change":{"actions":["create"]}}`
	imported := resource("x.imported", `"actions":["no-op"],"importing":{"id":"i-1"}`)
	moved := `{"address":"x.new","previous_address":"x.old","mode":"managed","type":"x","change":{"actions":["no-op"]}}`
	require.True(t, summarise(parsed(t, data), nil).Empty())
	for _, restated := range []string{imported, moved} {
		require.Equal(t, pipeline.Plan{StateOnly: true}, summarise(parsed(t, data, restated), nil))
	}
}

func TestADeposedObjectIsNamedAsOne(t *testing.T) {
	plan := summarise(parsed(t,
		`{"address":"x.y","mode":"managed","type":"x","deposed":"ab12","change":{"actions":["delete"]}}`,
		resource("x.y", `"actions":["update"]`), resource("a.z", `"actions":["create"]`)), nil)
	require.Equal(t, []pipeline.Resource{
		{Address: "a.z", Type: "a", Action: "create"},
		{Address: "x.y", Type: "x", Action: "update"},
		{Address: "x.y (deposed ab12)", Type: "x", Action: "delete"},
	}, plan.Resources)
}

func TestTags(t *testing.T) {
	tests := map[string]struct {
		change string
		want   []string
	}{
		"before and after":          {`"before":{"tags":{"db":"old"}},"after":{"tags":{"db":"new"}}`, []string{"db:new", "db:old"}},
		"with the provider's":       {`"after":{"tags":{"db":"a"},"tags_all":{"db":"a","team":"b"}}`, []string{"db:a", "team:b"}},
		"Google Cloud":              {`"after":{"labels":{"a":"1"},"effective_labels":{"b":"2"},"terraform_labels":{"c":"3"}}`, []string{"a:1", "b:2", "c:3"}},
		"a list":                    {`"after":{"tags":["db:a","plain"]}`, []string{"db:a"}},
		"no text":                   {`"after":{"tags":{"a":1,"b":null,"c":["d"]}}`, nil},
		"not known yet":             {`"after":{"tags":null},"after_unknown":{"tags":true}`, nil},
		"one sensitive":             {`"after":{"tags":{"a":"1","b":"2"}},"after_sensitive":{"tags":{"b":true}}`, []string{"a:1"}},
		"one of a list":             {`"after":{"tags":["a:1","b:2"]},"after_sensitive":{"tags":[false,true]}`, []string{"a:1"}},
		"all sensitive":             {`"after":{"tags":{"a":"1"}},"after_sensitive":{"tags":true}`, nil},
		"a resource all sensitive":  {`"after":{"tags":{"a":"1"}},"after_sensitive":true`, nil},
		"sensitive before":          {`"before":{"tags":{"a":"1"}},"before_sensitive":{"tags":{"a":true}},"after":{"tags":{"a":"2"}}`, []string{"a:2"}},
		"no object":                 {`"after":"x"`, nil},
		"nothing sensitive is said": {`"after":{"tags":{"a":"1"}},"after_sensitive":false`, []string{"a:1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			plan := summarise(parsed(t, resource("x.y", `"actions":["update"],`+test.change)), nil)
			require.Equal(t, test.want, plan.Resources[0].Tags)
		})
	}
}

func TestGlobs(t *testing.T) {
	plain := &tfjson.ResourceChange{Address: "aws_db_instance.orders_eu", Type: "aws_db_instance"}
	inModule := &tfjson.ResourceChange{Address: "module.db.aws_db_instance.orders[0]", ModuleAddress: "module.db", Type: "aws_db_instance"}
	keyed := &tfjson.ResourceChange{Address: `aws_x.y["a/b"]`, Type: "aws_x"}
	nested := &tfjson.ResourceChange{Address: `module.m["a]b"].module.n[1].aws_x.y["q\"]"]`, ModuleAddress: `module.m["a]b"].module.n[1]`, Type: "aws_x"}
	moved := &tfjson.ResourceChange{Address: "aws_x.new", PreviousAddress: "aws_x.old", Type: "aws_x"}
	tests := []struct {
		glob string
		r    *tfjson.ResourceChange
		want bool
	}{
		{"aws_db_instance.orders*", plain, true},
		{"aws_db_instance.orders*", inModule, true},
		{"aws_db_instance.orders", plain, false},
		{"aws_db_instance.orders", inModule, true},
		{"module.db.aws_db_instance.orders[0]", inModule, true},
		{"module.db.aws_db_instance.orders[1]", inModule, false},
		{"module.db.*", inModule, true},
		{"module.*.aws_db_instance.orders", inModule, true},
		{`aws_x.y["a/b"]`, keyed, true},
		{`aws_x.y["a/*"]`, keyed, true},
		{`aws_x.y[*]`, keyed, true},
		{`aws_x.?`, keyed, true},
		{`aws_x.y`, nested, true},
		{`module.m.module.n.aws_x.y`, nested, true},
		{`module.m*`, nested, true},
		{"aws_x.old", moved, true},
		{"aws_xxold", moved, false},
		{"aws_db_instance", plain, false}, // a type is no address
	}
	for _, test := range tests {
		require.Equal(t, test.want, matches(test.glob, names(test.r)), "%s and %s", test.glob, test.r.Address)
	}
	_, found := protected([]string{"aws_db_*"}, plain)
	require.True(t, found, "a type can be protected")
}

func TestTheStackSaysWhatAResourceIs(t *testing.T) {
	mapping := []pipeline.ResourceTags{{Address: "x.*", Tags: []string{"db:orders"}}, {Address: "x.z", Tags: []string{"db:other"}}}
	plan := summarise(parsed(t, resource("x.y", `"actions":["update"],"after":{"tags":{"db":"orders"}}`)), mapping)
	require.Equal(t, []string{"db:orders"}, plan.Resources[0].Tags)
}

func TestProviders(t *testing.T) {
	const aws = "registry.terraform.io/hashicorp/aws"
	tests := []struct {
		list     []string
		provider string
		want     bool
	}{
		{nil, aws, true},
		{[]string{"hashicorp/aws"}, aws, true},
		{[]string{"HashiCorp/AWS"}, aws, true},
		{[]string{"hashicorp/aws"}, "registry.opentofu.org/hashicorp/aws", true},
		{[]string{aws}, aws, true},
		{[]string{"hashicorp/aws"}, "evil.example/hashicorp/aws", false},
		{[]string{"hashicorp/aws"}, "registry.terraform.io/evil/aws", false},
		{[]string{"hashicorp/aws"}, "registry.terraform.io/hashicorp/awscc", false},
		{[]string{"hashicorp/aws"}, builtIn, true},
	}
	for _, test := range tests {
		require.Equal(t, test.want, allowed(test.list, test.provider), "%v and %s", test.list, test.provider)
	}
}

func TestWhatCannotBeJudgedIsRefused(t *testing.T) {
	plan := parsed(t, resource("x.y", `"actions":["reticulate"]`))
	plan.DeferredChanges = []*tfjson.DeferredResourceChange{{Reason: "resource_config_unknown"}}
	require.Equal(t, []string{
		`x.y: Bellwether does not know what "reticulate" does`,
		"the plan is incomplete: Terraform puts off 1 resources until others are applied",
	}, judge(plan, pipeline.Terraform{}))
}

func TestSensitiveValuesAreTakenOutOfTexts(t *testing.T) {
	plan := parsed(t, resource("x.y", `"actions":["update"],
		"before":{"password":"old-secret","name":"orders"},"before_sensitive":{"password":true},
		"after":{"password":"old-secret-2","keys":[{"pem":"BEGIN\nabcdef\nEND"}],"pin":"123"},"after_sensitive":{"password":true,"keys":[{"pem":true}],"pin":true}`))
	plan.OutputChanges = map[string]*tfjson.Change{"token": {Before: "t-before", BeforeSensitive: true, After: "t-after", AfterSensitive: true}}
	plan.Variables = map[string]*tfjson.PlanVariable{"v": {Value: "v-secret"}, "w": {Value: "w-plain"}}
	plan.Config = &tfjson.Config{RootModule: &tfjson.ConfigModule{Variables: map[string]*tfjson.ConfigVariable{"v": {Sensitive: true}, "w": {}}}}
	plan.PriorState = &tfjson.State{Values: &tfjson.StateValues{
		Outputs: map[string]*tfjson.StateOutput{"o": {Value: "o-secret", Sensitive: true}},
		RootModule: &tfjson.StateModule{ChildModules: []*tfjson.StateModule{{Resources: []*tfjson.StateResource{{
			AttributeValues: map[string]any{"key": "s-secret", "name": "s-plain"}, SensitiveValues: []byte(`{"key":true}`),
		}}}}},
	}}
	require.Equal(t, "(sensitive) (sensitive) s-plain", sensitiveValues(plan).replacer().Replace("o-secret s-secret s-plain"))
	text := sensitiveValues(plan).replacer().Replace("old-secret old-secret-2 orders abcdef 123 t-before t-after v-secret w-plain")
	require.Equal(t, "(sensitive) (sensitive) orders (sensitive) 123 (sensitive) (sensitive) (sensitive) w-plain", text)
}

// Errors quote values as their program does, and nest them in others.
func TestSensitiveValuesAreFoundInEverySpelling(t *testing.T) {
	const odd = "p\"ss <w\\rd/é"
	plan := parsed(t, resource("x.y", `"actions":["update"],"after":{"password":"p\"ss <w\\rd/é","pin":48151623,"cvc":123,"name":"x"},
		"after_sensitive":{"password":true,"pin":true,"cvc":true}`))
	encoded, err := json.Marshal(odd)
	require.NoError(t, err)
	for _, spelt := range []string{
		odd, fmt.Sprintf("%q", odd), string(encoded), `p\"ss <w\\rd/é`, url.QueryEscape(odd), url.PathEscape(odd), "48151623", fmt.Sprint(48151623.0),
	} {
		require.Regexp(t, `^"?\(sensitive\)"?$`, sensitiveValues(plan).replacer().Replace(spelt))
	}
	require.Equal(t, "123", sensitiveValues(plan).replacer().Replace("123"), "it would be in every other word")
}

func TestALockSaysSinceWhenAndWhatFor(t *testing.T) {
	require.Equal(t, "23 Nov 09:00 UTC", since("2026-11-23 09:00:00.000000001 +0000 UTC"))
	require.Equal(t, "yesterday", since("yesterday"))
	for name, want := range map[string]string{"OperationTypeApply": "an apply", "OperationTypePlan": "a plan", "init": "init"} {
		require.Equal(t, want, operation(name))
	}
}

// FuzzPlan holds that whatever terraform may write, it is read without a panic, in order, and nothing that is called
// sensitive is in what people read.
func FuzzPlan(f *testing.F) {
	f.Add(`{"tags":{"db":"s3cret"}}`, `{"tags":{"db":true}}`, "x.*")
	f.Add(`{"tags":["a:s3cret"],"labels":{"s3cret":"x"}}`, `true`, "[")
	f.Add(`{"tags_all":{"a":["s3cret"]}}`, `{"tags_all":[true]}`, "\xff")
	f.Fuzz(func(t *testing.T, after, sensitive, glob string) {
		if !json.Valid([]byte(after)) || !json.Valid([]byte(sensitive)) {
			t.Skip()
		}
		plan := parsed(t, resource("x.y", `"actions":["update"],"after":`+after+`,"after_sensitive":`+sensitive), resource("a.b", `"actions":["create"]`))
		summary := summarise(plan, []pipeline.ResourceTags{{Address: glob, Tags: []string{"m:m"}}})
		require.Len(t, summary.Resources, 2)
		require.Equal(t, "a.b", summary.Resources[0].Address)
		judge(plan, pipeline.Terraform{Protect: []string{glob}, Providers: []string{glob}})
		for _, change := range plan.ResourceChanges {
			change.Change.AfterSensitive = true
		}
		for _, r := range summarise(plan, nil).Resources {
			require.Empty(t, r.Tags)
		}
	})
}
