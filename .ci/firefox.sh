#!/bin/sh
# Prints the path of the Firefox that the browser tests drive.
#
#   .ci/firefox.sh         finds one, with Xvfb to show its windows to, or else installs both: Debian's packages, as root
#   .ci/firefox.sh find    only finds them; prints nothing and fails where one is missing
#
# $FIREFOX names one that lies elsewhere. Xvfb is needed on Linux, since a headless Firefox has no WebGL.
set -eu

say() { echo "$@" >&2; }
runs() { [ -n "$1" ] && "$1" --version >/dev/null 2>&1; }
has_screen() { [ "$(uname)" != Linux ] || command -v Xvfb >/dev/null 2>&1; }

find_firefox() {
    has_screen || return 1
    if [ -n "${FIREFOX:-}" ]; then
        runs "$FIREFOX" && echo "$FIREFOX" && return 0
        say "FIREFOX=$FIREFOX cannot be run."
        return 1
    fi
    for path in "$(command -v firefox-esr)" "$(command -v firefox)" \
        /Applications/Firefox.app/Contents/MacOS/firefox; do
        runs "$path" && echo "$path" && return 0
    done
    return 1
}

find_firefox && exit 0
[ "${1:-}" = find ] && exit 1

if [ -z "${FIREFOX:-}" ] && [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
    say "No Firefox was found: installing Debian's packages firefox-esr and xvfb, for the browser tests."
    export DEBIAN_FRONTEND=noninteractive
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends firefox-esr xvfb libgl1-mesa-dri libegl1; } \
        >&2 || say "Debian's packages could not be installed."
    find_firefox && exit 0
fi

say ""
say "The long browser tests need Firefox and Xvfb, and they could not be found or installed. Type one of these:"
say "  sudo apt-get install firefox-esr xvfb        (Debian)"
say "  make test-all FIREFOX=/path/to/firefox       (if there is one elsewhere)"
exit 1
