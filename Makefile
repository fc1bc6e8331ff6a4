# Short targets that say what they do. `make help` lists them; each works from a fresh clone on Debian 12 and 13.

# Cargo and Go are found also with a bare PATH and without HOME.
HOME ?= $(shell getent passwd "$$(id -u)" | cut -d: -f6)
export HOME
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/local/go/bin
# Command line of the trial: `make run RUN_ARGS="run --listen-http 127.0.0.1:9000"` replaces it.
RUN_ARGS ?= run --demo
BINARY := target/release/tributary

.DEFAULT_GOAL := help
.PHONY: help setup run run-split build test fuzz fuzz-api bench bench-long soak flame check check-chart cluster-test \
	upgrade-test faults-long image fmt

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing to run and to test (Debian 12, 13; skips what is there)
	@scripts/setup.sh test

build: ## build the release binary
	@scripts/setup.sh run
	cargo build --release --locked -p tributary

run: build ## start everything in one process with demo content (DATABASE_URL=... for Postgres)
	PATH="$$(dirname "$$(scripts/nats-server.sh)"):$$PATH" $(BINARY) $(RUN_ARGS)

run-split: build ## start each role as a process of its own (DATABASE_URL=... or a throw-away Postgres)
	@PATH="$$(dirname "$$(scripts/nats-server.sh)"):$$PATH" scripts/run-split.sh $(BINARY)

test: ## run all tests, against a throw-away Postgres and a nats-server of their own
	@scripts/setup.sh test
	@TEST_PYTHON=$$(scripts/python-env.sh) PATH="$$(dirname "$$(scripts/nats-server.sh)"):$$PATH" \
		scripts/with-postgres.sh cargo test --locked --workspace $(TEST_ARGS)

fuzz: ## fuzz every parser of bytes from outside (FUZZ_SECONDS=30 for each, 3600 for the long form; FUZZ_ARGS=names)
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $(FUZZ_ARGS)

fuzz-api: ## fuzz the REST API by its own document, as nobody and as every role (FUZZ_API_EXAMPLES=30, FUZZ_API_SEED=...)
	@scripts/setup.sh run
	@scripts/fuzz-api.sh

bench: ## measure in 25 minutes, into bench/results.json (BENCH_ARGS="--only NAME", "--smoke")
	@scripts/setup.sh run
	cargo build --release --locked -p tributary -p bench
	PATH="$$(dirname "$$(scripts/nats-server.sh)"):$$PATH" cargo run --release --locked -p bench -- $(BENCH_ARGS)

bench-long: ## measure what takes hours, on a throw-away Postgres too, into bench/results-long.json (BENCH_ARGS=...)
	@scripts/setup.sh test
	cargo build --release --locked -p tributary -p bench
	PATH="$$(dirname "$$(scripts/nats-server.sh)"):$$PATH" scripts/with-postgres.sh \
		cargo run --release --locked -p bench -- --long $(BENCH_ARGS)

soak: ## four hours at 100 messages/s, into bench/soak.json (SOAK_MINUTES=...)
	@scripts/setup.sh run
	cargo build --release --locked -p tributary -p bench
	PATH="$$(dirname "$$(scripts/nats-server.sh)"):$$PATH" cargo run --release --locked -p bench -- \
		--only soak --minutes $(or $(SOAK_MINUTES),240) --out bench/soak.json

flame: ## a flame graph of the suite while it answers, as bench/flame.svg (needs perf)
	@scripts/setup.sh run
	@PATH="$$(dirname "$$(scripts/nats-server.sh)"):$$PATH" scripts/flame.sh

check: ## format, clippy, house rules, gRPC definitions, shell scripts and their tests
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@scripts/check-house.sh
	@scripts/check-faults.sh
	@scripts/check-proto.sh
	@scripts/check-shell.sh
	@scripts/test-check-house.sh
	@scripts/test-nats-server.sh

check-chart: ## the chart without a cluster: renders, schemas, refusals, values (CHART_ARGS=--update after a change)
	@scripts/check-chart.sh $(CHART_ARGS)

faults-long: ## the long form of the faults; about two hours, results in bench/faults-long.md (FAULTS_ONLY=word, FAULTS_WITHOUT=word, SEED=n)
	@scripts/setup.sh test
	@scripts/faults-long.sh

cluster-test: build ## both profiles on a real cluster: KUBECONFIG=... and LOAD_IMAGE=... or IMAGE=... (scripts/cluster-test.sh)
	@scripts/cluster-test.sh

upgrade-test: ## an upgrade under load to a release with one more event and column, and back (builds both)
	@scripts/setup.sh test
	@scripts/upgrade-test.sh

image: $(if $(filter scratch,$(BASE)),build) ## build the container image (docker or buildah; BASE=scratch needs neither)
	@BASE="$(BASE)" scripts/image.sh

fmt: ## format the Rust code
	cargo fmt --all
