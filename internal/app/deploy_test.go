package app

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"

	"bellwether/internal/peers"
)

const (
	terraformModule = "../../deploy/terraform"
	documentsModule = terraformModule + "/documents"
)

// tfModule is what a Terraform module declares and what it refers to, by names such as "var.tags" and "aws_sqs_queue.changes".
type tfModule struct {
	declared  map[string]*hclsyntax.Block
	locals    []string
	mentioned map[string]bool // variables: outside of their own conditions
}

func readModule(t *testing.T, folder string) *tfModule {
	t.Helper()
	m := &tfModule{declared: map[string]*hclsyntax.Block{}, mentioned: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	parser := hclparse.NewParser()
	for _, file := range files {
		parsed, problems := parser.ParseHCLFile(file)
		require.False(t, problems.HasErrors(), problems.Error())
		for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
			m.add(block)
		}
	}
	return m
}

func (m *tfModule) add(block *hclsyntax.Block) {
	name := strings.Join(append([]string{block.Type}, block.Labels...), ".")
	name = strings.TrimPrefix(strings.Replace(name, "variable.", "var.", 1), "resource.")
	if block.Type == "locals" {
		m.locals = append(m.locals, slices.Collect(maps.Keys(block.Body.Attributes))...)
	} else {
		m.declared[name] = block
	}
	if block.Type == "variable" {
		return
	}
	_ = hclsyntax.VisitAll(block.Body, func(node hclsyntax.Node) hcl.Diagnostics {
		if e, ok := node.(*hclsyntax.ScopeTraversalExpr); ok {
			m.mentioned[dotted(e.Traversal)] = true
		}
		return nil
	})
}

// dotted is the beginning of a reference, as far as it names something.
func dotted(traversal hcl.Traversal) string {
	names := []string{traversal.RootName()}
	for _, step := range traversal[1:] {
		attribute, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		names = append(names, attribute.Name)
	}
	return strings.Join(names, ".")
}

func TestTerraformModuleIsWhole(t *testing.T) {
	modules := map[string]*tfModule{"terraform": readModule(t, terraformModule), "documents": readModule(t, documentsModule)}
	for name, m := range modules {
		for declared, block := range m.declared {
			if block.Type == "variable" || block.Type == "output" {
				require.Contains(t, block.Body.Attributes, "description", "%s: %s", name, declared)
			}
			if block.Type == "variable" {
				require.Contains(t, block.Body.Attributes, "type", "%s: %s", name, declared)
				require.True(t, m.mentions(declared), "%s: %s is not used", name, declared)
			}
		}
		for mention := range m.mentioned {
			require.True(t, m.has(mention), "%s: %s is not declared", name, mention)
		}
	}
	call := modules["terraform"].declared["module.documents"]
	for argument := range call.Body.Attributes {
		require.True(t, argument == "source" || modules["documents"].declared["var."+argument] != nil, argument)
	}
	for declared, block := range modules["documents"].declared {
		name := block.Labels[0]
		switch block.Type {
		case "variable":
			require.Contains(t, call.Body.Attributes, name)
		case "output":
			require.True(t, modules["terraform"].mentions("module.documents."+name), "%s is not used", declared)
		}
	}
}

func (m *tfModule) mentions(name string) bool {
	for mention := range m.mentioned {
		if mention == name || strings.HasPrefix(mention, name+".") {
			return true
		}
	}
	return false
}

// has tells whether something mentioned is there; names of loops and Terraform's own are always there.
func (m *tfModule) has(mention string) bool {
	names := strings.SplitN(mention, ".", 4)
	switch root := names[0]; {
	case root == "local":
		return slices.Contains(m.locals, names[1])
	case root == "data":
		return m.declared[strings.Join(names[:3], ".")] != nil
	case root == "var" || root == "module" || strings.HasPrefix(root, "aws_"):
		return m.declared[names[0]+"."+names[1]] != nil
	}
	return true
}

// runTerraform runs the real one in a folder, without a network.
func runTerraform(t *testing.T, folder string, args ...string) (output string, err error) {
	t.Helper()
	program, missing := exec.LookPath("terraform")
	if missing != nil {
		t.Skip("left out the Terraform suite: there is no terraform")
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	var problems bytes.Buffer
	cmd.Dir, cmd.Stderr = folder, &problems
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull, "TF_IN_AUTOMATION=1")
	out, err := cmd.Output()
	return string(out) + problems.String(), err
}

func TestTerraformIsFormatted(t *testing.T) {
	out, err := runTerraform(t, terraformModule, "fmt", "-check", "-recursive", "-diff")
	require.NoError(t, err, out)
}

// copyOf is a folder with these files of the module.
func copyOf(t *testing.T, pattern string) string {
	t.Helper()
	folder := t.TempDir()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(file)), raw, 0o600))
	}
	return folder
}

// documents are what Terraform makes of documents/, by name.
func documents(t *testing.T, variables object) map[string]string {
	t.Helper()
	folder := copyOf(t, documentsModule+"/*.tf")
	all := object{"queue_arn": "arn:queue", "dead_letter_arn": "arn:refused", "bus_arn": "arn:bus", "rule_arns": []string{"arn:rule"}, "ecr_repositories": []string{}, "ecs": []object{}}
	maps.Copy(all, variables)
	raw, err := json.Marshal(all)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "x.auto.tfvars.json"), raw, 0o600))
	for _, args := range [][]string{{"init", "-input=false"}, {"apply", "-auto-approve", "-input=false"}} {
		out, err := runTerraform(t, folder, args...)
		require.NoError(t, err, out)
	}
	raw, err = os.ReadFile(filepath.Join(folder, "terraform.tfstate"))
	require.NoError(t, err)
	var state struct {
		Outputs map[string]struct{ Value string }
	}
	require.NoError(t, json.Unmarshal(raw, &state))
	texts := map[string]string{}
	for name, output := range state.Outputs {
		texts[name] = output.Value
	}
	return texts
}

func TestTerraformsEventPatterns(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/eventbridge/pattern.json")
	require.NoError(t, err)
	var byHand struct {
		Or []json.RawMessage `json:"$or"`
	}
	require.NoError(t, json.Unmarshal(raw, &byHand))
	all := documents(t, nil)
	require.Len(t, byHand.Or, 2)
	require.JSONEq(t, string(byHand.Or[0]), all["change_pattern"])
	require.JSONEq(t, string(byHand.Or[1]), all["image_pattern"])
	some := documents(t, object{"ecr_repositories": []string{"checkout", "billing"}})

	const change = `{"source": "ci", "detail-type": "Bellwether Change", "detail": {"kind": "service"}}`
	push := func(repository, action, result string) string {
		return `{"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": {"repository-name": "` + repository +
			`", "action-type": "` + action + `", "result": "` + result + `", "image-tag": "1"}}`
	}
	for _, c := range []struct {
		pattern, event string
		want           bool
	}{
		{all["change_pattern"], change, true},
		{all["change_pattern"], strings.Replace(change, "Change", "Run Completed", 1), false},
		{all["change_pattern"], push("checkout", "PUSH", "SUCCESS"), false},
		{all["image_pattern"], push("any", "PUSH", "SUCCESS"), true},
		{all["image_pattern"], push("any", "DELETE", "SUCCESS"), false},
		{all["image_pattern"], push("any", "PUSH", "FAILURE"), false},
		{all["image_pattern"], strings.Replace(push("any", "PUSH", "SUCCESS"), "aws.ecr", "somebody", 1), false},
		{some["image_pattern"], push("billing", "PUSH", "SUCCESS"), true},
		{some["image_pattern"], push("any", "PUSH", "SUCCESS"), false},
	} {
		bus := peers.EventBridge(t, []byte(c.pattern), func([]byte) {})
		require.Equal(t, c.want, bus.Route([]byte(c.event)), "%s\n%s", c.pattern, c.event)
	}
}

// Terraform itself evaluates the conditions of the variables, which need no provider.
func TestTerraformsVariablesAreChecked(t *testing.T) {
	folder := copyOf(t, terraformModule+"/variables.tf")
	out, err := runTerraform(t, folder, "init", "-input=false")
	require.NoError(t, err, out)
	for variable, want := range map[string]string{
		"":                                     "",
		`bus={"name"="shop","create"=true}`:    "",
		`bus={"create"=true}`:                  "Every account has the bus default already",
		`bus={"name"="arn:aws:events:eu:1:x"}`: "the name of a bus, not its ARN",
		`name=a b`:                             "name takes at most 48 letters",
		`max_receives=3`:                       "max_receives is between 10 and 1000",
		`max_age=5`:                            "max_age is at least 60 seconds",
		`alarm_actions=["ops@example.com"]`:    "alarm_actions are ARNs",
		`ecs=[{"cluster_arn"="arn:c"}]`:        `attributes "role_arns" and "service_arns" are required`,
	} {
		args := []string{"plan", "-input=false", "-no-color"}
		if variable != "" {
			args = append(args, "-var", variable)
		}
		out, err := runTerraform(t, folder, args...)
		require.Equal(t, want == "", err == nil, "%s: %s", variable, out)
		require.Contains(t, strings.Join(strings.Fields(strings.ReplaceAll(out, "│", " ")), " "), want)
	}
}
