#!/usr/bin/env bash
# Runs tests/replicas: each worker starts a Redis of its own on loopback, and processes behind nginx. PYTHON names the
# interpreter; further arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1 || missing+=(redis-server)
PATH="$PATH:/usr/sbin" command -v nginx >/dev/null 2>&1 || missing+=(nginx-light)
if [ "${#missing[@]}" -gt 0 ]; then
    sh tests/support/install.sh "Redis and nginx" "${missing[@]}"
fi

# Most tests wait: two a core keep the cores busy.
"${PYTHON:-python3}" -m pytest --reruns 1 --rerun-show-tracebacks -n 4 --dist loadfile tests/replicas "$@"
