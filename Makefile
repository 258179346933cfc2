# A phone book: each target says where the work is.

.PHONY: demo test test-long build bench lint fmt clean

demo:       ## The main job, for real: keys in the daemon, OpenSSL and a TLS server using them through the module
	@scripts/demo.sh

test:       ## Everything that CI runs
	@scripts/test.sh

test-long:  ## What takes hours: the same tests over and over, property tests with many cases
	@scripts/test-long.sh

build:      ## softkeepd, softkeep and libsoftkeep_pkcs11.so under target/release
	@cargo build --release --workspace --locked

bench:      ## criterion, beside SoftHSM2 where it is installed
	@cargo bench --locked -p softkeep-benches

lint:       ## What a change must pass besides the tests
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --locked -- -D warnings

fmt:
	@cargo fmt --all

clean:
	@cargo clean
