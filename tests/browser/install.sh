#!/bin/sh
# Makes sure that there is a Chromium for the browser tests. Debian's package comes with all that it needs.
set -eu

for name in chromium-headless-shell chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
sh "$(dirname "$0")/../support/install.sh" "Chromium on the PATH" chromium-headless-shell
