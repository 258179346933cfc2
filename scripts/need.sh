# Sourced. need PROGRAM-OR-FILE PACKAGE REASON … : collects what is missing; need_done installs it (as root or in CI) or says the one line that does.

need_missing=
need_list=

need() { # what, Debian package, why
    case $1 in
        /*) [ -e "$1" ] && return 0 ;;
        *) command -v "$1" >/dev/null 2>&1 && return 0 ;;
    esac
    need_missing="$need_missing $2"
    need_list="$need_list
  $2 ($1): $3"
}

need_done() {
    [ -z "$need_missing" ] && return 0
    echo "missing on this machine:$need_list" >&2
    if [ "$(id -u)" = 0 ]; then
        echo "installing:$need_missing" >&2
        log=$(mktemp)
        # shellcheck disable=SC2086 # a list of words on purpose
        if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need_missing; } >"$log" 2>&1; then
            rm -f "$log"
            return 0
        fi
        cat "$log" >&2
        rm -f "$log"
        exit 1
    fi
    echo "install it with:
  sudo apt-get update && sudo apt-get install --no-install-recommends$need_missing" >&2
    exit 2
}

need_engine() { # OpenSSL's PKCS#11 engine
    need "$(openssl version -e 2>/dev/null | sed 's/^ENGINESDIR: "\(.*\)"$/\1/')/pkcs11.so" libengine-pkcs11-openssl "$1"
}

need_cargo() {
    command -v cargo >/dev/null 2>&1 && return 0
    echo "missing on this machine: Rust (cargo). Install it as https://rustup.rs says, then run this again." >&2
    exit 2
}
