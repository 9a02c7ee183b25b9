package terraform

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestAStackThatCannotBePlannedSaysWhoseFaultItIs(t *testing.T) {
	backend := func(text string) string { return "terraform {\n  backend " + text + "\n}\n" }
	tests := map[string]struct {
		file   string // the whole configuration
		change func(*world)
		want   pipeline.Explanation // of it Output is not looked at
	}{
		"the configuration is no HCL": {
			file: "resource \"x\" {\n",
			want: pipeline.Explanation{Reason: "main.tf:1: Unclosed configuration block"},
		},
		"the configuration is invalid": {
			file: "terraform {\n  backend \"local\" {\n    path = \"/tmp/none\"\n  }\n}\noutput \"x\" {\n  value = var.none\n}\n",
			want: pipeline.Explanation{Reason: "main.tf:7: Reference to undeclared input variable", Next: withheld},
		},
		"the backend does not answer": {
			file: backend("\"http\" {\n    address   = \"http://127.0.0.1:1/state\"\n    retry_max = 0\n  }"),
			want: pipeline.Explanation{
				Reason: `Error refreshing state: Failed to get state: GET http://127.0.0.1:1/state giving up after 1 attempt(s): Get "http://127.0.0.1:1/state": dial tcp 127.0.0.1:1: connect: connection refused`,
				Next:   "look at the network, and at the credentials that Bellwether passes on to terraform", Fault: pipeline.FaultEnvironment,
			},
		},
		"there is no such provider": {
			file: backend("\"local\" {\n    path = \"/tmp/none\"\n  }") + "provider \"none\" {}\n",
			want: pipeline.Explanation{Reason: "Failed to query available provider packages"},
		},
		"there is no backend": {
			file: "output \"x\" {\n  value = 1\n}\n",
			want: pipeline.Explanation{
				Reason: "the stack keeps its state in its working copy, which Bellwether deletes", Next: "give the configuration a backend",
			},
		},
		"the backend is in the working copy": {
			file: backend("\"local\" {\n    path = \"state\"\n  }"),
			want: pipeline.Explanation{
				Reason: "the stack keeps its state in its working copy, which Bellwether deletes", Next: "give the configuration a backend",
			},
		},
		"there is no such folder": {
			change: func(w *world) { w.settings.Dir = "infra/load" },
			want: pipeline.Explanation{
				Reason: "the repository has no folder infra/load at this revision", Next: "look at apply.terraform.dir of the stack",
			},
		},
		"the folder is elsewhere": {
			change: func(w *world) { w.settings.Dir = "../repository" },
			want: pipeline.Explanation{
				Reason: "the repository has no folder ../repository at this revision", Next: "look at apply.terraform.dir of the stack",
			},
		},
		"terraform is not installed": {
			change: func(w *world) { w.settings.Binary = "/opt/none/tofu" },
			want: pipeline.Explanation{
				Reason: "cannot start /opt/none/tofu: stat /opt/none/tofu: no such file or directory", Fault: pipeline.FaultEnvironment,
				Next: "install it on the machine that Bellwether runs on, or name another one: apply.terraform.binary of the stack",
			},
		},
		"terraform is the repository's": {
			change: func(w *world) { w.settings.Binary = "./terraform" },
			want: pipeline.Explanation{
				Reason: "apply.terraform.binary: ./terraform is a relative path", Next: "name a program, or an absolute path",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, os.WriteFile(filepath.Join(w.dir, "repository", "main.tf"), []byte(test.file), 0o600))
			if test.change != nil {
				test.change(w)
			}
			e := w.broken(t)
			e.Output = ""
			test.want.Untouched = true
			require.Equal(t, test.want, e)
		})
	}
}

func TestAProgramThatIsNoTerraformIsToldOf(t *testing.T) {
	w := newWorld(t)
	w.write(t, orders)
	tests := map[string]struct{ script, reason string }{
		"too old":      {"#!/bin/sh\necho '{\"terraform_version\": \"1.5.7\"}'\n", "terraform init -json was added in 1.9.0: unexpected version 1.5.7 (min: 1.9.0, max: -)"},
		"not a binary": {"echo hi\n", "exec format error"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w.settings.Binary = filepath.Join(w.dir, "terraform")
			require.NoError(t, os.WriteFile(w.settings.Binary, []byte(test.script), 0o700))
			e := w.broken(t)
			require.Contains(t, e.Reason, test.reason)
			require.Equal(t, pipeline.FaultEnvironment, e.Fault)
			require.True(t, e.Untouched)
		})
	}
}
