# What there is to do here. `make` alone lists it.

GO ?= go
# Arguments of `make run`, for example ARGS='--data-dir /tmp/registry'.
ARGS ?=
# What `make bench` and `make microbench` run: a pattern of names. How long and
# how often each server has its turn is BENCH_SECONDS (3) and BENCH_ROUNDS (3).
BENCH ?= .
BENCH_COUNT ?= 6
# How long `make fuzz` stays with each target.
FUZZTIME ?= 10s
# How long `make soak` lasts, an hour at most, and on which database: sqlite (the
# embedded one) or mariadb.
SOAK ?= 10m
SOAK_ON ?= sqlite

# Where the tests keep their files: in memory where there is room for them and
# programs may run from there. Databases then never wait for a busy disk.
TEST_TMP := $(shell [ -w /dev/shm ] && [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 6000000 ] \
	&& ! grep -q ' /dev/shm .*noexec' /proc/mounts && echo /dev/shm)
IN_MEMORY = $(if $(TEST_TMP),TMPDIR=$(TEST_TMP))
LINT = $(GO) tool -modfile=tools/lint/go.mod golangci-lint

.DEFAULT_GOAL := help
.PHONY: help run build generate deps test manifests race test-cluster soak fuzz bench microbench lint

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start a registry here: data in ./data, listening on 127.0.0.1
	$(GO) run ./cmd/registry $(ARGS)

build: ## bin/registry and bin/tarscli
	$(GO) build -buildvcs=auto -trimpath -o bin/ ./cmd/...

generate: ## make the code of tars/ from the interface definitions
	$(GO) generate ./tars

deps: ## install what the tests need from Debian (as root; does nothing where it is there)
	.ci/install mariadbd=mariadb-server node=nodejs npm=npm prometheus=prometheus
	@$(MAKE) --no-print-directory $(NODE_MODULES)

# The Node.js packages of e2e/clients, as its package-lock.json pins them.
NODE_MODULES = e2e/clients/node/node_modules/.package-lock.json
$(NODE_MODULES): e2e/clients/node/package-lock.json
	npm --prefix $(<D) ci --ignore-scripts --no-audit --no-fund
	@touch $@

test: deps ## all tests, with a MariaDB of their own (or TARSREGISTRY_TEST_DSN)
	$(IN_MEMORY) $(GO) test -timeout 20m ./...
	cd deploy/test && $(GO) test ./...

manifests: ## deploy/manifests from the Helm chart
	cd deploy/test && $(GO) test . -args -update

# Tests that play with programs as processes see nothing of the detector.
race: deps ## the tests with the race detector
	.ci/install gcc=gcc /usr/include/stdlib.h=libc6-dev
	$(IN_MEMORY) CGO_ENABLED=1 $(GO) test -race -p 1 -timeout 30m $$($(GO) list ./... | grep -v -e /e2e -e /internal/podtest -e /bench$$)

test-cluster: deps ## the tests that need a Galera cluster
	.ci/install /usr/lib/galera/libgalera_smm.so=galera-4 rsync=rsync lsof=lsof ss=iproute2
	$(IN_MEMORY) $(GO) test -tags cluster -timeout 15m -p 1 -run 'Cluster' ./...

soak: ## churn for SOAK (10m) on SOAK_ON (sqlite or mariadb) and see that nothing grows
	TARSREGISTRY_SOAK=$(SOAK) $(GO) test -count=1 -timeout 65m -v -run '^TestSoak$$/^$(SOAK_ON)$$' ./e2e

fuzz: ## every fuzz target for FUZZTIME (10s)
	.ci/fuzz $(FUZZTIME)

bench: deps ## a whole registry beside others, as Markdown in bin/bench.md; docs/performance.md says more
	BENCH_REPORT='$(CURDIR)/bin/bench.md' $(GO) test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 40m ./bench
	@cat bin/bench.md

microbench: deps ## the benchmarks of single packages, BENCH_COUNT (6) rounds, summed up by benchstat
	@mkdir -p bin
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCH_COUNT) -p 1 -timeout 60m $$($(GO) list ./... | grep -v '/bench$$') >bin/microbench.txt || { cat bin/microbench.txt; exit 1; }
	$(GO) tool -modfile=tools/go.mod benchstat bin/microbench.txt

lint: ## golangci-lint, see .golangci.yml
	$(LINT) run ./...
