#!/usr/bin/env bash
# Runs tests/replicas: each worker starts a Redis of its own on loopback, and processes behind nginx. PYTHON names the
# interpreter; further arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1 || missing+=(redis-server)
PATH="$PATH:/usr/sbin" command -v nginx >/dev/null 2>&1 || missing+=(nginx-light)
if [ "${#missing[@]}" -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "These tests need Redis and nginx. Install them (on Debian: sudo apt-get install ${missing[*]}), then run again." >&2
        exit 1
    fi
    echo "Installing ${missing[*]} …"
    # Debian starts what it installs, on the usual ports: these tests need the programs only.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# Most tests wait: two a core keep the cores busy.
"${PYTHON:-python3}" -m pytest --reruns 1 -n 4 --dist loadfile tests/replicas "$@"
