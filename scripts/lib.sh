# Shared by the scripts of this folder; read with `.`, in bash.
# shellcheck shell=bash

say() { printf '== %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# The path of a program; the servers of Debian's packages are not all on everyone's PATH.
find_program() {
    PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)" command -v "$1"
}

target_dir() { echo "${CARGO_TARGET_DIR:-target}"; }
tools_dir() { echo "${CXC_TEST_TOOLS:-${HOME:-/root}/.cache/cxc-ci/tools}"; }
