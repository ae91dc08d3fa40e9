# `make demo` and `make test` install what is missing on Debian; the others take the machine as it is.
.PHONY: help demo test lint bench

help:
	@echo 'make demo   install what is missing, build, convert a real clip'
	@echo 'make test   install what is missing, run every test'
	@echo 'make lint   formatting, clippy, documentation'
	@echo 'make bench  benchmarks of the kernels'

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
