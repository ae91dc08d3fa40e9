# `make demo`, `make test`, `make test-cluster`, `make bench`, `make evaluate` and `make deb` install what is missing on Debian; the others take the machine as it is.
.PHONY: help demo test test-cluster lint deny msrv bench evaluate deb fuzz

help:
	@echo 'make demo   install what is missing, build, convert a real clip'
	@echo 'make test   install what is missing, run every test'
	@echo 'make test-cluster   install what is missing, test batches on clusters of Ray and Slurm, and what Kubernetes is given'
	@echo 'make lint   formatting, clippy, documentation'
	@echo 'make deny   licences, sources and known vulnerabilities of what we depend on'
	@echo 'make msrv   compile with the oldest Rust that is promised'
	@echo 'make bench  benchmarks of the kernels, then the comparison with peers (an hour on two cores)'
	@echo 'make evaluate   how well films are framed, how near HDR to SDR is to libplacebo, what taking out grain and qualities by shot save (an hour on two cores)'
	@echo 'make deb   a Debian package: target/debian/upright_VERSION_ARCH.deb'
	@echo 'make fuzz   every fuzz target for SECONDS=60 each'

demo:
	scripts/setup.sh build demo
	scripts/demo.sh

test:
	scripts/setup.sh build test
	scripts/test.sh

test-cluster:
	scripts/setup.sh build cluster
	# Builds the program as `make test` does.
	cargo test --workspace --test remote --no-run
	scripts/test-cluster.sh

lint:
	scripts/setup.sh build lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo clippy --workspace --no-default-features -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps

deny:
	scripts/deny.sh

msrv:
	scripts/setup.sh build
	scripts/msrv.sh

# What `make bench` hands on to the comparison with peers: make bench BENCH='--rounds 5 --only libsvtav1'
BENCH =
bench:
	scripts/setup.sh build test bench
	cargo bench --package upright-benches
	scripts/bench.sh $(BENCH)

evaluate:
	scripts/setup.sh build test evaluate
	scripts/evaluate.sh
	scripts/tone.sh
	scripts/grain.sh
	scripts/quality.sh
	scripts/packaging.sh

deb:
	scripts/setup.sh build deb
	scripts/deb.sh

SECONDS = 60
fuzz:
	scripts/setup.sh build test fuzz
	for target in fuzz/targets/*.rs; do fuzz/run "$$(basename "$$target" .rs)" -max_total_time=$(SECONDS) || exit; done
