# What people type. `make help` lists it. Everything a new machine lacks is set up by the target that needs it.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/noncello-target
TOOLS := $(HOME)/.cache/noncello-tools
CARGO_DENY_VERSION := 0.20.2
ITALIAN_LOCATIONS_VERSION := 1.2.1
SCHEMATHESIS := $(TOOLS)/schemathesis
RELEASES := $(TOOLS)/releases
FIGURES := $(TOOLS)/figures
CARGO_DENY := $(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
LISTEN ?= 127.0.0.1:8080
DEMO_DATA ?= demo-data
ADULT ?= ../shared/data/adult
LAKE_BENCH ?= /tmp/noncello-lake-bench
LAKE_SIZE ?= 1000000
NODE_STAMP := node_modules/.package-lock.json

.PHONY: help build demo test check bench dictionary regen browser postgres strace api setup
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(NODE_STAMP): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.cargo/local.toml: Makefile
	@printf '# Written by make: this machine only.\n[build]\ntarget-dir = "%s"\n' "$(CARGO_TARGET_DIR)" > $@

setup: $(NODE_STAMP) .cargo/local.toml

build: setup ## set up and compile; afterwards a plain `cargo build --release` works too
	cargo build --locked

demo: build ## compile, fill a demonstration in DEMO_DATA (demo-data), run the pipeline, build a release, serve on LISTEN
	"$(CARGO_TARGET_DIR)/debug/noncello" demo --data "$(DEMO_DATA)" --listen "$(LISTEN)"

test: build browser postgres strace $(RELEASES)/complete $(FIGURES)/complete ## run every test: Rust, then the API from outside, then pages in a real browser
	cargo test --locked --workspace
	$(MAKE) --no-print-directory api
	NONCELLO_RELEASES_PYTHON="$(RELEASES)/bin/python" NONCELLO_FIGURES_PYTHON="$(FIGURES)/bin/python" npm run --silent test:browser

api: $(SCHEMATHESIS)/complete ## ask the API whatever its description allows and forbids (Schemathesis; needs Python 3.11)
	cargo build --locked --workspace --example api_server
	tests/api/run "$(CARGO_TARGET_DIR)/debug/examples/api_server" "$(SCHEMATHESIS)/bin/schemathesis"

# Made anew when a version changes: Schemathesis, what reads releases as researchers do, and what counts figures again.
$(SCHEMATHESIS)/complete: tests/api/requirements.txt
$(RELEASES)/complete: tests/releases/requirements.txt
$(FIGURES)/complete: tests/figures/requirements.txt
%/complete:
	rm -rf "$(@D)"
	python3 -m venv "$(@D)"
	"$(@D)/bin/pip" install --quiet --disable-pip-version-check -r $<
	@touch $@

# Debian's package $(2), when the command $(1) finds that it is missing.
install = @$(1) >/dev/null 2>&1 || { echo "$(2) is needed for the tests: installing Debian's package"; \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq $(2); }

browser:
	$(call install,tests/browser/find-chromium,chromium)

postgres:
	$(call install,{ ls /usr/lib/postgresql/*/bin/initdb || command -v initdb; },postgresql)

strace:
	$(call install,command -v strace,strace)

check: setup $(CARGO_DENY) ## formatting, lints, licences, definitions
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO_DENY) --log-level error check bans licenses sources
	cargo run --locked --quiet -- instrument check intake/instruments/*/*.toml

$(CARGO_DENY):
	cargo install --quiet --locked --debug --root "$(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION)" --target-dir "$(TOOLS)/build" \
	  cargo-deny --version $(CARGO_DENY_VERSION)
	@rm -rf "$(TOOLS)/build"

bench: build postgres ## measure what docs/benchmarks reports (an hour); ADULT is a folder with the Adult data and hierarchies
	@test -f "$(ADULT)/adult.csv" || { echo "no adult.csv in $(ADULT): give ADULT=FOLDER (docs/benchmarks/anonymity.md says what it holds)"; exit 1; }
	@for case in k2 k5 k10 k25 l2 e3 "t2 --suppression 0.01" "h2 --suppression 0.01" "k2 --effort more" "k5 --effort more" "k10 --effort more" "k25 --effort more" \
	    "k5 --mode global" "k5 --mode global --suppression 0.02" "k5 --mode global --suppression 1"; do \
	  echo "$$case"; cargo run --locked --quiet -p anonymity --example adult -- "$(ADULT)" $$case || exit 1; done
	cargo build --locked --workspace --example store_bench
	@for case in "submit sqlite" "submit postgres" "search 1000000"; do "$(CARGO_TARGET_DIR)/debug/examples/store_bench" $$case || exit 1; done
	cargo build --locked --workspace --example lake_bench
	python3 -m venv "$(TOOLS)/lake-bench" && "$(TOOLS)/lake-bench/bin/pip" install --quiet -r docs/benchmarks/lake/requirements.txt
	rm -rf "$(LAKE_BENCH)" && "$(CARGO_TARGET_DIR)/debug/examples/lake_bench" generate "$(LAKE_BENCH)" $(LAKE_SIZE) plain
	@for step in "rebuild $(LAKE_BENCH)" "write $(LAKE_BENCH)" "marts $(LAKE_BENCH)" "add $(LAKE_BENCH) 10 1000" "add $(LAKE_BENCH) 600 1000"; do \
	  "$(CARGO_TARGET_DIR)/debug/examples/lake_bench" $$step || exit 1; done
	"$(TOOLS)/lake-bench/bin/python" docs/benchmarks/lake/peer.py "$(LAKE_BENCH)" warehouse/marts
	cargo build --locked --workspace --example pages_bench
	"$(CARGO_TARGET_DIR)/debug/examples/pages_bench" "$(LAKE_BENCH)" 3 asso

dictionary: ## write docs/dictionary.md anew from the sidecars of the marts
	cargo build --locked --workspace --example dictionary
	"$(CARGO_TARGET_DIR)/debug/examples/dictionary" > docs/dictionary.md

regen: ## rebuild the reference data of intake/territory (needs Python 3.11)
	python3 -m venv "$(TOOLS)/regen"
	"$(TOOLS)/regen/bin/pip" install --quiet -r intake/territory/regen/requirements.txt
	cd "$(TOOLS)/regen" && npm pack --silent italian-locations@$(ITALIAN_LOCATIONS_VERSION)
	"$(TOOLS)/regen/bin/python" intake/territory/regen/regen.py "$(TOOLS)/regen/italian-locations-$(ITALIAN_LOCATIONS_VERSION).tgz"
