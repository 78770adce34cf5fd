#!/bin/sh
# Installs Debian's packages of programs that tests start: install.sh WHAT PACKAGE…, where WHAT is for people to read.
set -eu
what=$1
shift

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "These tests need $what. Install it (on Debian: sudo apt-get install $*), then run again." >&2
    exit 1
fi
echo "Installing $what …"
# apt refuses to run beside another.
exec 9>/tmp/weir-tests-install.lock
flock 9
# Debian starts the servers that it installs, on the usual ports: the tests need the programs only.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
