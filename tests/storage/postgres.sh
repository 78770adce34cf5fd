#!/usr/bin/env bash
# Runs the tests of tests/storage that need a database on a PostgreSQL that lives as long as they do; `make test` has
# them on SQLite. PYTHON names the interpreter; further arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../.."

server_programs() {
    if command -v pg_ctl >/dev/null 2>&1; then
        dirname "$(command -v pg_ctl)"
    else # Debian keeps them off the PATH
        find /usr/lib/postgresql -path '*/bin/pg_ctl' -printf '%h\n' 2>/dev/null | sort -V | tail -n 1
    fi
}

if [ -z "$(server_programs)" ]; then
    sh tests/support/install.sh PostgreSQL postgresql
fi
programs=$(server_programs)

# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
    user=$(getent passwd postgres >/dev/null && echo postgres || echo nobody)
    as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --)
fi

cluster=$(mktemp -d)
finish() {
    (cd / && "${as[@]}" "$programs/pg_ctl" --pgdata "$cluster/data" --mode immediate --silent stop) || true
    rm -rf "$cluster"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[ -z "${user:-}" ] || chown "$user" "$cluster"

port=$("${PYTHON:-python3}" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(
    cd "$cluster"
    "${as[@]}" "$programs/initdb" --pgdata data --username weir --auth trust --encoding UTF8 --locale C.UTF-8 \
        --no-sync >initdb.log || { cat initdb.log >&2; exit 1; }
    "${as[@]}" "$programs/pg_ctl" --pgdata "$cluster/data" --log "$cluster/data/log" --silent --wait \
        --options "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='' -c fsync=off" start ||
        { cat "$cluster/data/log" >&2; exit 1; }
)

WEIR_TEST_POSTGRES="postgresql://weir@127.0.0.1:$port/postgres" "${PYTHON:-python3}" -m pytest --reruns 1 --rerun-show-tracebacks \
    -k postgresql tests/storage "$@"
