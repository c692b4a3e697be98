#!/bin/sh
# Prints the path of the Chromium that the browser tests drive.
#
#   .ci/chromium.sh         finds one, or else installs one: as root on Debian its package, else Playwright's own
#   .ci/chromium.sh find    only finds one; prints nothing and fails where there is none
#
# $CHROMIUM names one that lies elsewhere. Only what answers to --version counts: Ubuntu's chromium-browser may be a
# script that merely advises to install something else.
set -eu

runs() { [ -n "$1" ] && "$1" --version >/dev/null 2>&1; }

find_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        path=$(command -v "$name") && runs "$path" && echo "$path" && return 0
    done
    for path in \
        "${PLAYWRIGHT_BROWSERS_PATH:-${HOME:-/root}/.cache/ms-playwright}"/chromium-*/chrome-linux*/chrome \
        "${PLAYWRIGHT_BROWSERS_PATH:-${HOME:-/root}/Library/Caches/ms-playwright}"/chromium-*/chrome-mac*/*.app/Contents/MacOS/* \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
        [ -x "$path" ] && runs "$path" && echo "$path" && return 0
    done
    return 1
}

say() { echo "$@" >&2; }

if [ -n "${CHROMIUM:-}" ]; then
    if runs "$CHROMIUM"; then
        echo "$CHROMIUM"
        exit 0
    fi
    say "CHROMIUM=$CHROMIUM cannot be run."
    exit 1
fi

find_chromium && exit 0
[ "${1:-}" = find ] && exit 1

if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
    say "No Chromium was found: installing Debian's package chromium, for the browser tests."
    export DEBIAN_FRONTEND=noninteractive
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium; } >&2 ||
        say "Debian's package could not be installed."
    find_chromium && exit 0
fi

say "No Chromium was found: installing Playwright's own, for the browser tests."
.venv/bin/playwright install chromium >&2 || say "Playwright's own could not be installed."
find_chromium && exit 0

say ""
say "The browser tests need Chromium, and none could be found or installed. Type one of these:"
say "  sudo apt-get install chromium                           (Debian)"
say "  sudo .venv/bin/playwright install-deps chromium && .venv/bin/playwright install chromium"
say "  make test CHROMIUM=/path/to/chromium                    (if there is one elsewhere)"
exit 1
