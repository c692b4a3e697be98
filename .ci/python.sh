#!/bin/sh
# Prints the Python to make .venv with: $PYTHON if set, else the newest from 3.14 down to 3.11 that has venv and pip
# to put into it. Where there is none, says what is missing and what to type.
set -eu

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

without_venv=
for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3 python}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    is_new_enough "$candidate" || continue
    if can_make_venv "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
    without_venv=${without_venv:-$candidate}
done

{
    if [ -n "$without_venv" ]; then
        version=$(version_of "$without_venv")
        echo "$without_venv is Python $version, but its venv module is missing or incomplete."
        echo "On Debian or Ubuntu, type:  sudo apt-get install python$version-venv"
    elif [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON is not a Python of version 3.11 or newer that can be run."
    else
        echo "Python 3.11 or newer is needed and was not found."
        echo "On Debian or Ubuntu, type:  sudo apt-get install python3 python3-venv"
        echo "If yours has another name or place, type:  make PYTHON=/path/to/python3 ..."
    fi
} >&2
exit 1
