package app

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/internal/deployer/ecs"
)

// iamPolicy is a policy document; of lists of one, Terraform may make the one.
type iamPolicy struct {
	Version   string
	Statement []struct {
		Sid, Effect string
		Action      words
		Resource    words
		Principal   map[string]string
		Condition   map[string]map[string]words
	}
}

type words []string

func (w *words) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte("[")) {
		return json.Unmarshal(raw, (*[]string)(w))
	}
	*w = words{""}
	return json.Unmarshal(raw, &(*w)[0])
}

func policyOf(t *testing.T, text string) (p iamPolicy, actions []string) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &p))
	require.Equal(t, "2012-10-17", p.Version)
	for _, s := range p.Statement {
		require.Equal(t, "Allow", s.Effect)
		require.NotEmpty(t, s.Resource)
		actions = append(actions, s.Action...)
	}
	slices.Sort(actions)
	return p, actions
}

func TestTerraformsPoliciesAllowWhatTheCodeCalls(t *testing.T) {
	called := append(awsCalls(t, "../intake/sqs.go"), awsCalls(t, "../intake/emit.go")...)
	slices.Sort(called)
	_, actions := policyOf(t, documents(t, nil)["bellwether_policy"])
	require.Equal(t, called, actions)

	cluster := object{"cluster_arn": "arn:cluster", "service_arns": []string{"arn:checkout"}, "role_arns": []string{"arn:task", "arn:task"}}
	all := documents(t, object{"ecs": []object{cluster}})
	policy, actions := policyOf(t, all["bellwether_policy"])
	require.Equal(t, slices.Sorted(slices.Values(append(called, ecs.Actions...))), actions)
	resources := map[string]words{}
	for _, s := range policy.Statement {
		resources[s.Sid] = s.Resource
		require.True(t, s.Condition != nil || !slices.Contains(s.Resource, "*") || s.Sid == "TaskDefinitions", "%s is for everything", s.Sid)
	}
	require.Equal(t, map[string]words{
		"Receive": {"arn:queue"}, "Refuse": {"arn:refused"}, "Publish": {"arn:bus"}, "Services": {"arn:checkout"},
		"Tasks": {"*"}, "TaskDefinitions": {"*"}, "TagTaskDefinitions": {"*"}, "PassRoles": {"arn:task"},
	}, resources)

	publisher, actions := policyOf(t, all["publisher_policy"])
	require.Equal(t, awsCalls(t, "../intake/emit.go"), actions)
	require.Equal(t, words{"Bellwether Change"}, publisher.Statement[0].Condition["StringEquals"]["events:detail-type"])
	require.Contains(t, all["bellwether_policy"], runCompleted)
}

var awsInput = regexp.MustCompile(`&(sqs|eventbridge)\.(\w+)Input\{`)

// awsCalls are the IAM actions that a file of ours needs.
func awsCalls(t *testing.T, file string) (actions []string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, match := range awsInput.FindAllStringSubmatch(string(raw), -1) {
		actions = append(actions, strings.Replace(match[1], "eventbridge", "events", 1)+":"+match[2])
	}
	require.NotEmpty(t, actions)
	return actions
}

func TestTerraformsQueuesTakeFromTheRulesOnly(t *testing.T) {
	all := documents(t, object{"rule_arns": []string{"arn:a", "arn:b"}})
	for name, queue := range map[string]string{"queue_policy": "arn:queue", "dead_letter_policy": "arn:refused"} {
		policy, actions := policyOf(t, all[name])
		require.Equal(t, []string{"sqs:SendMessage"}, actions)
		only := policy.Statement[0]
		require.Equal(t, map[string]string{"Service": "events.amazonaws.com"}, only.Principal)
		require.Equal(t, map[string]map[string]words{"ArnEquals": {"aws:SourceArn": {"arn:a", "arn:b"}}}, only.Condition)
		require.Equal(t, words{queue}, only.Resource)
	}
}
