# Run by demo.sh inside `softkeep run`: a daemon with the vault "dev" is there, and the environment points to it.
set -eu
bin=$(dirname "$SOFTKEEP_PKCS11_MODULE")
dir=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || :; wait "$server" 2>/dev/null || :; fi; rm -rf "$dir"' EXIT
say() { printf '%s\n' "$*"; }
softkeep() { "$bin/softkeep" "$@"; }
uri() { echo "pkcs11:token=$SOFTKEEP_TOKEN_LABEL;object=$1;type=private;pin-value=$SOFTKEEP_PIN"; }

say "softkeepd runs; its vault 'dev' is the PKCS#11 token 'dev'. No program below ever holds a private key."
printf 'a file worth signing\n' >"$dir/file"
for key in web:RSA signer:EC; do
    name=${key%%:*}
    softkeep key create --name "$name" --kty "${key##*:}" -o none
    softkeep key download --name "$name" --file "$dir/$name.pem"
    openssl dgst -sha256 -engine pkcs11 -keyform engine -sign "$(uri "$name")" -out "$dir/$name.sig" "$dir/file" 2>"$dir/log"
    verified=$(openssl dgst -sha256 -verify "$dir/$name.pem" -signature "$dir/$name.sig" "$dir/file")
    say "key '$name' (${key##*:}): made in the daemon, OpenSSL signed through libsoftkeep_pkcs11.so, openssl dgst -verify says: $verified"
done

openssl req -new -x509 -engine pkcs11 -keyform engine -key "$(uri web)" -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -days 1 -out "$dir/cert.pem" 2>"$dir/log"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null || echo 44330)
openssl s_server -accept "127.0.0.1:$port" -tls1_3 -engine pkcs11 -keyform engine -key "$(uri web)" -cert "$dir/cert.pem" -www \
    >"$dir/server.log" 2>&1 </dev/null &
server=$!
tries=0
until curl -s --cacert "$dir/cert.pem" "https://localhost:$port/" -o "$dir/page" -w '%{http_code}' >"$dir/code" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || { cat "$dir/server.log" >&2; exit 1; }
    sleep 0.1
done
say "TLS 1.3 server (openssl s_server) with the private key in the daemon: curl got HTTP $(cat "$dir/code"), $(sed -n 's/.*Protocol *: *\(TLS[^ ]*\).*/\1/p' "$dir/page" | head -1)"

say "what the audit log says of these uses (who, what, which key):"
softkeep audit tail --lines 100 | grep '"operation":"sign"' |
    sed 's/.*"time":"\([^"]*\)".*"caller":"\([^"]*\)".*"object":"\([^"]*\)".*"algorithm":"\([^"]*\)".*/  \1  sign  \3  \4  by \2/;s/login:[0-9a-f]* //'
say "the log's hash chain, checked (softkeep audit verify): $(softkeep audit verify --query "join('', ['intact: ', to_string(intact), ', records: ', to_string(records)])" -o tsv)"
say "cleaned up. Try it yourself: target/release/softkeep dev"
