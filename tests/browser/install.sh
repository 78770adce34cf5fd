#!/bin/sh
# Makes sure that there is a Chromium for the browser tests. Debian's package comes with all that it needs.
set -eu

for name in chromium-headless-shell chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium-headless-shell >/dev/null
    exit 0
fi

echo "The browser tests need Chromium on the PATH. Install it (on Debian: sudo apt-get install chromium-headless-shell), then run again." >&2
exit 1
