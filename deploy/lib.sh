# SPDX-License-Identifier: Apache-2.0
#
# lib.sh - what the scripts of deploy/ and tests/ share: messages, failure, folders.
# Sourced by bash with `set -euo pipefail` on; sets WEIR_TOP and WEIR_CACHE, changes nothing else.

WEIR_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WEIR_CACHE=${WEIR_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/cache}/.cache}/weir}

# Report what happens next, after the name of the running script.
report() {
    printf '%s: %s\n' "${0##*/}" "$*"
}

# Report why it ended, and end. The cause comes first, what to do about it after it.
die() {
    printf '%s: failed: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Run a command as root: as it is, or by sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root for: $* (run this as root, or install sudo)"
    fi
}

# Whether nothing listens on TCP port $1 of the loopback address: bash can connect, so no tool is needed.
port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The first free port from $1 on, within 200.
free_port_from() {
    local port
    for ((port = $1; port < $1 + 200; port++)); do
        if port_is_free "$port"; then
            echo "$port"
            return
        fi
    done
    die "no free port between $1 and $((port - 1)) on 127.0.0.1"
}
