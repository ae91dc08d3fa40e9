# `make demo` and `make test` install what is missing on Debian; the others take the machine as it is.
.PHONY: help demo test lint bench fuzz

help:
	@echo 'make demo   install what is missing, build, convert a real clip'
	@echo 'make test   install what is missing, run every test'
	@echo 'make lint   formatting, clippy, documentation'
	@echo 'make bench  benchmarks of the kernels'
	@echo 'make fuzz   every fuzz target for SECONDS=60 each'

demo:
	scripts/setup.sh build demo
	scripts/demo.sh

test:
	scripts/setup.sh build test
	scripts/test.sh

lint:
	scripts/setup.sh build lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps

bench:
	scripts/setup.sh build test
	cargo bench --package upright-benches

SECONDS = 60
fuzz:
	scripts/setup.sh build test
	for target in fuzz/targets/*.rs; do fuzz/run "$$(basename "$$target" .rs)" -max_total_time=$(SECONDS) || exit; done
