# Bellwether. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

TOOLS   := tools/go.mod
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X bellwether/internal/app.Version=$(VERSION)
FUZZTIME ?= 20s

.PHONY: help build demo teams-app setup test test-long test-kubernetes chaos check fmt golden fuzz bench calibration

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/bellwether
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/bellwether ./cmd/bellwether

demo: build ## run the whole line on this machine: sample shop, chat page, real load
	./bin/bellwether demo

teams-app: ## bin/bellwether-teams.zip, the app for Teams: APP_ID=… HOST=… [VERSION=1.0.1] [SLASH=1]
	go run ./scripts/teamsapp -app-id '$(APP_ID)' -host '$(HOST)' $(if $(filter command line environment,$(origin VERSION)),-version '$(VERSION)') $(if $(SLASH),-slash)

setup: ## install what the tests talk to (Redis, Chromium, npm peers)
	@scripts/setup

test: setup ## every test, with the race detector
	go test -race -shuffle=on -timeout 8m ./...

test-long: setup ## what takes longer: the demo's story, crash tests
	go test -tags long -p 1 -shuffle=on -timeout 20m -run Long $(if $(SKIP),-skip '$(SKIP)') ./...

test-kubernetes: ## the Kubernetes deployer against a real control plane; building that takes ten minutes, once
	@scripts/kubernetes/build
	@kubeconfig=$$(scripts/kubernetes/up) && trap scripts/kubernetes/down EXIT && \
	  BELLWETHER_TEST_KUBECONFIG=$$kubeconfig go test -count=1 -run ARealControlPlane ./internal/deployer/kubernetes

KILLS ?= 200
chaos: setup ## kill -9 and worse, in the background; begun again it goes on where it was
	@mkdir -p .chaos && go test -c -tags chaos -o .chaos/chaos.test ./internal/chaos
	@(cd internal/chaos && exec nice nohup $(CURDIR)/.chaos/chaos.test -test.run '^TestChaos$$' -test.timeout 0 -test.v \
	  -kills $(KILLS) -dir $(CURDIR)/.chaos) >>.chaos/log 2>&1 & echo $$! >.chaos/pid; echo 'see .chaos/table.md, .chaos/log'

check: ## formatting, vet, staticcheck
	@test -z "$$(go tool -modfile=$(TOOLS) gofumpt -l . | tee /dev/stderr)" || { echo 'run make fmt'; exit 1; }
	go vet ./...
	go vet -tags long,chaos ./internal/...
	go tool -modfile=$(TOOLS) staticcheck ./...

fmt: ## format the code
	go tool -modfile=$(TOOLS) gofumpt -w .

golden: ## renew the golden files; read the diff before you commit it
	go test ./... -update

fuzz: ## every fuzz target for FUZZTIME each
	@for p in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$p/*_test.go | cut -c6-); do \
	    go test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x || exit 1; done; done

bench: setup ## ratios beside their yardsticks
	go test -run '^$$' -bench . -benchtime 1x ./...

calibration: ## what verdicts are worth, measured: the tables of docs/calibration.md (16 min)
	go test -tags long -count=1 -timeout 90m -run TestLongCalibration ./internal/calibration -args -releases 2000 -table $(CURDIR)/.calibration.md
