package catalog

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/internal/strictyaml"
	"bellwether/pipeline"
)

var update = flag.Bool("update", false, "write the golden files anew")

func environ(name string) (string, bool) {
	value, ok := map[string]string{"REGION": "eu-west-1"}[name]
	return value, ok
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestEveryMistakeIsNamed(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var told strings.Builder
	for _, file := range files {
		c, problems := Load(file, environ)
		require.Nil(t, c, file)
		mistakes := 0
		for _, p := range problems {
			if !p.Warning {
				mistakes++
				fmt.Fprintln(&told, p)
			}
		}
		require.Equal(t, 1, mistakes, "%s must hold one mistake: %v", file, problems)
	}
	golden(t, "wrong.golden", told.String())
}

func TestWarningsRefuseNothing(t *testing.T) {
	var told strings.Builder
	for _, catalog := range []string{"testdata/warned", "testdata/warned-access", "testdata/warned-terraform"} {
		c, problems := Load(catalog, environ)
		require.NotNil(t, c, problems)
		for _, p := range problems {
			require.True(t, p.Warning, p)
			fmt.Fprintln(&told, p)
		}
	}
	golden(t, "warned.golden", told.String())
}

func TestGoodCatalog(t *testing.T) {
	c, problems := Load("testdata/good", environ)
	require.False(t, strictyaml.Refused(problems), problems)

	singapore, err := time.LoadLocation("Asia/Singapore")
	require.NoError(t, err)
	require.Equal(t, pipeline.Person{Name: "dev-sg", Slack: "T0TEAM/U0DEVSG", Teams: "aad-object-id", Web: "dev-sg", Zone: singapore}, c.People["dev-sg"])
	require.Equal(t, pipeline.Team{
		Name:  "checkout",
		Zone:  singapore,
		Hours: pipeline.Hours{Days: [7]bool{false, true, true, true, true, true, false}, From: 9 * time.Hour, Till: 18 * time.Hour},
		Channels: []pipeline.Channel{
			{Platform: "slack", ID: "C0CHECKOUT"},
			{Platform: "teams", Group: "0f1e", ID: "19:abc@thread.tacv2"},
			{Platform: "web", ID: "team-checkout"},
		},
		Members: []string{"dev-sg"},
		OnCall:  []string{"dev-sg"},
	}, c.Teams["checkout"])
	require.Equal(t, pipeline.Service{
		Name: "checkout",
		Team: "checkout",
		Repositories: []pipeline.Repository{
			{URL: "github.com/innerscale/checkout", Branches: []string{"main", "release"}, Paths: []string{"src/**"}, Ignore: []string{"**/*.md"}},
			{URL: "github.com/innerscale/checkout-assets", Branches: []string{"main"}, Paths: []string{"**"}},
		},
		Image:        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/checkout",
		ImageTag:     "{{.Revision}}",
		Tags:         []string{"service:checkout"},
		Uses:         []string{"db:orders"},
		Environments: []string{"load"},
		Deploy:       &pipeline.Deploy{Command: &pipeline.Command{Run: []string{"./deploy.sh", "{{.Image}}", "eu-west-1"}, Timeout: 5 * time.Minute, Dir: "testdata/good"}},
		WaitForImage: 15 * time.Minute,
		Budget:       time.Hour,
	}, c.Services["checkout"])
	require.Equal(t, []string{"load"}, c.Stacks["platform"].Environments, "the only environment is the default")
	require.Equal(t, &pipeline.Apply{
		Command: &pipeline.Command{Run: []string{"./apply.sh"}, Timeout: 10 * time.Minute, Dir: "testdata/good"},
	}, c.Stacks["platform"].Apply)
	require.Equal(t, "http://127.0.0.1:9000", c.Environments["load"].URL)
	require.Equal(t, []string{"./reset.sh"}, c.Environments["load"].Reset.Run)
	require.Equal(t, pipeline.Abort{Errors: 0.5, For: 10 * time.Second}, c.Environments["load"].Abort)
	require.Equal(t, pipeline.FullSuite{Files: 100, Lines: 2000, Labels: []string{"load:full"}}, c.FullSuite)
	require.Equal(t, []pipeline.Channel{{Platform: "web", ID: "platform"}}, c.Unowned)
}

func TestRealEnvironments(t *testing.T) {
	c, problems := Load("testdata/real", environ)
	require.Empty(t, problems)

	require.Equal(t, pipeline.Environment{
		Name:       "load",
		URL:        "http://127.0.0.1:9000",
		Team:       "infrastructure",
		Health:     "http://127.0.0.1:9000/healthz?deep=1",
		Kubernetes: &pipeline.KubernetesCluster{Kubeconfig: "testdata/real/kubeconfig", Context: "load", Namespace: "shop"},
		ECS:        &pipeline.ECSCluster{Cluster: "load", Region: "eu-west-1", Endpoint: "http://127.0.0.1:4566"},
		Abort:      pipeline.Abort{Errors: 0.2, For: 10 * time.Second},
		Batch:      true,
		MaxWait:    2 * time.Hour,
		Confirm:    5 * time.Minute,
	}, c.Environments["load"])
	require.Equal(t, pipeline.Environment{
		Name:       "soak",
		URL:        "http://127.0.0.1:9001",
		Health:     "https://status.example/soak",
		Kubernetes: &pipeline.KubernetesCluster{Namespace: "default"},
		Confirm:    10 * time.Minute,
	}, c.Environments["soak"], "abort: off")
	require.Equal(t, pipeline.FullSuite{Resources: 20}, c.FullSuite)
}

func TestRealDeploys(t *testing.T) {
	c, problems := Load("testdata/real", environ)
	require.Empty(t, problems)

	checkout := c.Services["checkout"]
	require.Equal(t, 30*time.Minute, checkout.Budget)
	require.True(t, checkout.Restore)
	require.False(t, c.Services["billing"].Restore)
	for name, want := range map[string]pipeline.Deploy{
		"checkout": {Kubernetes: &pipeline.KubernetesWorkload{Kind: "Deployment", Name: "checkout", Container: "app", Timeout: 10 * time.Minute}},
		"ledger":   {Kubernetes: &pipeline.KubernetesWorkload{Kind: "StatefulSet", Name: "ledger", Timeout: 20 * time.Minute}},
		"billing":  {ECS: &pipeline.ECSService{Service: "billing", Timeout: 15 * time.Minute}},
	} {
		require.Equal(t, &want, c.Services[name].Deploy)
	}
	require.Equal(t, &pipeline.Apply{Terraform: &pipeline.Terraform{
		Dir:         "infra/load",
		Binary:      "/opt/tofu/bin/tofu",
		Protect:     []string{"aws_db_instance.*", `module.shop["a b"].*`},
		MaxChanges:  50,
		Providers:   []string{"hashicorp/aws", "registry.opentofu.org/hashicorp/random"},
		Approve:     4 * time.Hour,
		Resources:   []pipeline.ResourceTags{{Address: "aws_db_instance.orders*", Tags: []string{"db:orders"}}},
		LockTimeout: 5 * time.Minute,
		Timeout:     time.Hour,
	}}, c.Stacks["platform"].Apply)
	require.Equal(t, &pipeline.Apply{Terraform: &pipeline.Terraform{
		Dir: ".", Binary: "terraform", Approve: 2 * time.Hour, LockTimeout: time.Minute, Timeout: 30 * time.Minute,
	}}, c.Stacks["network"].Apply)
}

func TestGoodScenarios(t *testing.T) {
	c, problems := Load("testdata/good", environ)
	require.False(t, strictyaml.Refused(problems), problems)

	flow := c.Scenarios["checkout-flow"]
	require.Len(t, flow.DataHash, 64)
	flow.DataHash = ""
	require.Equal(t, pipeline.Scenario{
		Name:   "checkout-flow",
		Tags:   []string{"service:checkout"},
		Engine: "vegeta",
		Load:   pipeline.Load{Stages: []pipeline.LoadStage{{From: 50, To: 50, Over: time.Minute}}, Warmup: 10 * time.Second},
		Targets: []pipeline.Target{
			{Name: "cart", Weight: 3, Method: "GET", Path: "/cart/{{.user}}"},
			{Name: "order", Weight: 1, Method: "POST", Path: "/orders", Body: `{"sku":1}`, Headers: map[string]string{"Content-Type": "application/json"}},
			{Name: "wrong password", Weight: 1, Method: "POST", Path: "/login", Body: `{"p":"{{.password}}"}`, Expect: []int{401}},
		},
		Data:     "testdata/good/users.csv",
		Setup:    &pipeline.Command{Run: []string{"./seed.sh"}, Timeout: 5 * time.Minute, Dir: "testdata/good"},
		Gates:    []pipeline.Gate{{Metric: pipeline.P95, Limit: 250}, {Metric: pipeline.Errors, Limit: 0.01}},
		Baseline: pipeline.Policy{Last: 5},
	}, flow)
	require.Equal(t, pipeline.Policy{Previous: true}, c.Scenarios["checkout-peak"].Baseline)
	require.Equal(t, pipeline.Load{
		Stages: []pipeline.LoadStage{{To: 200, Over: 2 * time.Minute}, {From: 200, To: 200, Over: 5 * time.Minute}, {From: 200, Over: 30 * time.Second}},
		Warmup: 2 * time.Minute,
	}, c.Scenarios["checkout-peak"].Load)
}

func TestNamesAreUniqueAcrossFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yml"} {
		write(t, filepath.Join(dir, name), "environments:\n  load: {url: \"http://127.0.0.1:9000\"}\n")
	}
	c, problems := Load(dir, environ)
	require.Nil(t, c)
	require.Len(t, problems, 1)
	require.Equal(t, filepath.Join(dir, "b.yml")+":2: environments.load: is already defined at "+
		filepath.Join(dir, "a.yaml")+":2; keep one of them", problems[0].String())
}

func TestFolderWithoutCatalog(t *testing.T) {
	dir := t.TempDir()
	c, problems := Load(dir, environ)
	require.Nil(t, c)
	require.Equal(t, dir+": cannot be read: the folder holds no *.yaml file", problems[0].String())
}

func TestHours(t *testing.T) {
	days := func(list ...time.Weekday) (d [7]bool) {
		for _, day := range list {
			d[day] = true
		}
		return d
	}
	for text, want := range map[string]pipeline.Hours{
		"Mon,Wed 08:30-12:00":     {Days: days(time.Monday, time.Wednesday), From: 8*time.Hour + 30*time.Minute, Till: 12 * time.Hour},
		"Sat-Mon 00:00-24:00":     {Days: days(time.Saturday, time.Sunday, time.Monday), Till: 24 * time.Hour},
		"Tue,Thu-Fri 10:00-11:00": {Days: days(time.Tuesday, time.Thursday, time.Friday), From: 10 * time.Hour, Till: 11 * time.Hour},
	} {
		got, err := parseHours(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestEveryListedZoneIsOne(t *testing.T) {
	require.Greater(t, len(zones), 400)
	for _, name := range zones {
		_, err := time.LoadLocation(name)
		require.NoError(t, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestBaselines(t *testing.T) {
	for written, want := range map[string]pipeline.Policy{
		"":                            {},
		"    baseline: previous\n":    {Previous: true},
		"    baseline: {last: 3}\n":   {Last: 3},
		"    baseline: {last: 60}\n":  {Last: 60},
		"    baseline: {pinned: R42}": {Pinned: "R42"},
	} {
		file := filepath.Join(t.TempDir(), "catalog.yaml")
		write(t, file, `scenarios:
  flow:
    tags: [service:checkout]
    load: {rate: 50/s, duration: 60s}
    targets: [{name: cart, path: /cart}]
`+written)
		c, problems := Load(file, environ)
		require.NotNil(t, c, problems)
		require.Equal(t, want, c.Scenarios["flow"].Baseline, written)
	}
}
