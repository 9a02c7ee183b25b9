package terraform

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestAPlanSaysWhatChangesAndForWhom(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders+web)
	w.settings.Resources = []pipeline.ResourceTags{{Address: "bellwether_instance.w*", Tags: []string{"host:web"}}}
	first := w.plan(t)
	require.Equal(t, pipeline.Plan{
		Resources: []pipeline.Resource{
			{Address: "bellwether_database.orders", Type: "bellwether_database", Action: "create", Tags: []string{"db:orders", "team:infrastructure"}},
			{Address: "bellwether_instance.web", Type: "bellwether_instance", Action: "create", Tags: []string{"host:web", "service:checkout", "team:infrastructure"}},
		},
		Outputs: []string{"orders"},
	}, first.Plan())
	require.Empty(t, w.cloud(t), "a plan changes nothing")
	require.NoError(t, first.Apply(t.Context()))
	require.Equal(t, []string{"database-orders.json", "instance-web.json"}, w.cloud(t))
	require.ErrorContains(t, first.Apply(t.Context()), "applied already")

	require.True(t, w.plan(t).Plan().Empty())

	w.write(t, strings.NewReplacer("size     = 1", "size     = 2", `db = "orders"`, `db = "sales"`).Replace(orders)+web)
	changed := w.plan(t).Plan()
	require.Equal(t, []pipeline.Resource{{
		Address: "bellwether_database.orders", Type: "bellwether_database", Action: "update",
		Tags: []string{"db:orders", "db:sales", "team:infrastructure"},
	}}, changed.Resources)
	require.Equal(t, []string{"orders"}, changed.Outputs)

	w.write(t, orders)
	gone := w.plan(t).Plan()
	require.Len(t, gone.Resources, 1)
	require.Equal(t, "delete", gone.Resources[0].Action)
	require.Contains(t, gone.Resources[0].Tags, "service:checkout")
}

func TestThePolicyRefuses(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders+web)
	w.apply(t)
	replaced := strings.Replace(orders, "postgres", "mysql", 1)
	tests := map[string]struct {
		configuration string
		settings      pipeline.Terraform
		refused       []string
	}{
		"replacing what is protected": {
			replaced + web,
			pipeline.Terraform{Protect: []string{"bellwether_database.*"}},
			[]string{"replace of bellwether_database.orders: it is protected by bellwether_database.*"},
		},
		"deleting a type that is protected": {
			orders,
			pipeline.Terraform{Protect: []string{"bellwether_instance"}},
			[]string{"delete of bellwether_instance.web: it is protected by bellwether_instance"},
		},
		"too much": {
			strings.Replace(orders, "size     = 1", "size     = 3", 1),
			pipeline.Terraform{MaxChanges: 1},
			[]string{"2 resources would change, 1 at most may"},
		},
		"not a stranger": {orders + web, pipeline.Terraform{Providers: []string{"innerscale.example/test/bellwether"}}, nil},
		"a stranger": {
			orders + web,
			pipeline.Terraform{Providers: []string{"hashicorp/aws"}},
			[]string{"provider innerscale.example/test/bellwether is not among the stack's providers"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w.write(t, test.configuration)
			w.settings = test.settings
			planned := w.plan(t)
			require.Equal(t, test.refused, planned.Plan().Refused)
			if test.refused != nil {
				require.Error(t, planned.Apply(t.Context()))
			}
			require.Equal(t, []string{"database-orders.json", "instance-web.json"}, w.cloud(t))
		})
	}
}

// A provider that may not be used is not even started for a plan: this one would say so.
func TestAStrangerIsNotStarted(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	w.settings.Providers = []string{"hashicorp/aws"}
	require.NotEmpty(t, w.plan(t).Plan().Refused)
	require.Empty(t, w.plan(t).Plan().Resources)

	w.settings.Providers = []string{"innerscale.example/test/bellwether"}
	require.NoError(t, os.MkdirAll(filepath.Join(w.dir, "repository/terraform.d/plugins"), 0o700))
	require.Equal(t, []string{"the repository brings providers of its own, in terraform.d"}, w.plan(t).Plan().Refused)
}

func TestAFailedApplySaysWhatItTouched(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders+web)
	w.misbehave(t, "web.fail", "no capacity")
	e := explanation(t, w.plan(t).Apply(t.Context()))
	require.Equal(t, "main.tf:24: bellwether_instance.web: The cloud refused; changed: bellwether_database.orders; broke off: bellwether_instance.web", e.Reason)
	require.Equal(t, "main.tf:24: bellwether_instance.web: The cloud refused\nweb: no capacity (password )", e.Output)
	require.Contains(t, e.Next, "mend what broke")
	require.Equal(t, pipeline.FaultChange, e.Fault)
	require.False(t, e.Untouched)

	again := w.plan(t).Plan()
	require.Len(t, again.Resources, 1, "what is left to do")
	require.Equal(t, "bellwether_instance.web", again.Resources[0].Address)
}

func TestAPlanEndsWithItsContextThoughAnotherHoldsTheFolder(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	held, err := lockAll(t.Context(), w.Dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, held.Close()) }()
	cause := errors.New("the lane is lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(200*time.Millisecond, func() { cancel(cause) })
	_, err = w.Plan(ctx, stackOf(w.settings), load, change)
	require.ErrorIs(t, err, cause)
}

func TestAPlanIsOnlyGoodForItsState(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	first, second := w.plan(t), w.plan(t)
	require.NoError(t, first.Apply(t.Context()))
	e := explanation(t, second.Apply(t.Context()))
	require.Equal(t, "the state was changed by somebody else after the plan was made, so the plan was not applied", e.Reason)
	require.Equal(t, "run it again: it is planned anew then", e.Next)
	require.True(t, e.Untouched)
	require.Equal(t, pipeline.FaultEnvironment, e.Fault)
}

func TestALockIsExplainedAndLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	behave := w.misbehave(t, "orders.slow", "")
	applied := make(chan error, 1)
	holder := w.plan(t)
	go func() { applied <- holder.Apply(t.Context()) }()
	await(t, filepath.Join(w.dir, "cloud/orders.waiting"))

	w.settings.LockTimeout = time.Second
	w.settings.Dir = "."
	_, err := w.Plan(t.Context(), stackOf(w.settings), load, change)
	e := explanation(t, err)
	require.Regexp(t, `^the state is locked by \S+@\S+ since \d+ [A-Z][a-z]{2} \d\d:\d\d UTC, an apply \(lock [0-9a-f-]{36}\)$`, e.Reason)
	require.Regexp(t, `if nobody is at it any more, in \. of the repository: terraform force-unlock [0-9a-f-]{36}$`, e.Next)
	require.Equal(t, pipeline.FaultEnvironment, e.Fault)
	require.True(t, e.Untouched)
	behave()
	require.NoError(t, <-applied)
}

func TestAnApplyEndsWithItsContext(t *testing.T) {
	tests := map[string]string{
		"a provider that listens":    orders,
		"a provisioner that is deaf": deaf,
	}
	for name, configuration := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Grace = 0
			w.write(t, configuration)
			w.misbehave(t, "orders.slow", "")
			planned := w.plan(t)
			cause := errors.New("the lane is lost")
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan time.Time, 1)
			go func() {
				await(t, filepath.Join(w.dir, "cloud/orders.waiting"))
				ended <- time.Now()
				cancel(cause)
			}()
			require.ErrorIs(t, planned.Apply(ctx), cause)
			require.Less(t, time.Since(<-ended), 3*time.Second)
			require.Empty(t, startedFor(filepath.Join(w.Dir, list(t, w.Dir)[0])), "nothing is left running")
		})
	}
}

func TestAnApplyEndsAtItsTimeout(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	w.misbehave(t, "orders.slow", "")
	made := w.plan(t)
	made.(*planned).settings.Timeout = time.Second // not for the plan too
	e := explanation(t, made.Apply(t.Context()))
	require.Contains(t, e.Reason, "terraform apply took longer than 1s")
	require.Contains(t, e.Next, "apply.terraform.timeout")
}

func TestAVariableThatTerraformExecForbidsIsNamed(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	t.Setenv("TF_VAR_password", "x")
	w.Pass = append(w.Pass, "TF_VAR_password")
	require.Equal(t, "TF_VAR_password cannot be passed on to terraform", w.broken(t).Reason)
}

func TestTerraformSeesNoMoreThanItShould(t *testing.T) {
	w := newWorld(t)
	t.Setenv("SLACK_BOT_TOKEN", "xoxb-secret")
	t.Setenv("AWS_PROFILE", "load")
	w.Pass = append(w.Pass, "AWS_PROFILE")
	seen := filepath.Join(w.dir, "environment")
	w.write(t, "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"env > "+seen+"\"\n  }\n}\n")
	w.apply(t)
	text, err := os.ReadFile(seen)
	require.NoError(t, err)
	require.NotContains(t, string(text), "xoxb")
	require.Contains(t, string(text), "AWS_PROFILE=load\n")
	require.Contains(t, string(text), "BELLWETHER_SERVICE=platform\n")
	require.Contains(t, string(text), "BELLWETHER_ENVIRONMENT=load\n")
}
