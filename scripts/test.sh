#!/bin/sh
# make test: installs what the tests need, builds, runs them all.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh

need cc build-essential "builds aws-lc and SQLite"
need readelf binutils "reads the built module"
need openssl openssl "checks signatures, serves TLS"
need curl curl "fetches pages"
need pkcs11-tool opensc "a PKCS#11 client"
need p11tool gnutls-bin "a PKCS#11 client"
need ssh-keygen openssh-client "a PKCS#11 client"
need ssh-agent openssh-client "a PKCS#11 client"
need /usr/sbin/sshd openssh-server "lets PKCS#11 clients in"
need p11-kit p11-kit "loads and serves PKCS#11 modules"
need "/usr/lib/$(uname -m)-linux-gnu/p11-kit-proxy.so" p11-kit-modules "loads and serves PKCS#11 modules"
need certutil libnss3-tools "a PKCS#11 client"
need softhsm2-util softhsm2 "makes the tokens that are migrated"
need ods-hsmutil libhsm-bin "a PKCS#11 client"
need osslsigncode osslsigncode "a PKCS#11 client"
need keytool default-jdk-headless "a PKCS#11 client"
need go golang-go "a PKCS#11 client"
need /usr/share/gocode/src/github.com/miekg/pkcs11 golang-github-miekg-pkcs11-dev "a PKCS#11 client"
need /usr/share/gocode/src/github.com/ThalesIgnite/crypto11 golang-github-thalesignite-crypto11-dev "a PKCS#11 client"
need node nodejs "a PKCS#11 client"
need npm npm "fetches a PKCS#11 client"
need /usr/include/node/node_api.h libnode-dev "builds a PKCS#11 client"
need /usr/sbin/nginx nginx-light "a TLS server that forks and changes its user"
need /usr/sbin/apache2 apache2-bin "a TLS server that forks and changes its user"
need "/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketimeMT.so.1" libfaketime "moves a program's clock"
need python3 python3 "a gRPC client"
need setpriv util-linux "runs a program as another user"
need_done
need_engine "a PKCS#11 client"
python3 -c 'import ensurepip, venv' 2>/dev/null || need /nonexistent python3-venv "a gRPC client's packages"
need_done
need_cargo
if ! cargo nextest --version >/dev/null 2>&1; then
    echo "missing on this machine: cargo-nextest, which runs the tests; installing it" >&2
    cargo install --locked --quiet cargo-nextest
fi

cargo build --release --workspace --locked
cargo nextest run --workspace --locked --no-fail-fast "$@"
