# SPDX-License-Identifier: Apache-2.0
#
# processes.sh - the processes that deploy/up leaves running, known by a pid file in its state folder and believed to
# be ours only while their command line names that folder. Sourced after lib.sh.

# The recorded pid of process $2 of state folder $1; nothing if there is none.
pid_of() {
    cat "$1/$2.pid" 2>/dev/null || true
}

# Whether process $2 of state folder $1 runs and is the one we started: pids are used again.
is_ours() {
    local pid
    pid=$(pid_of "$1" "$2")
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- " $1/"
}

# End process $2 of state folder $1: by request, and after 20 s by force.
stop_process() {
    local state=$1 name=$2 pid tries
    if ! is_ours "$state" "$name"; then
        rm -f "$state/$name.pid"
        return
    fi
    pid=$(pid_of "$state" "$name")
    kill -TERM "$pid"
    for ((tries = 0; tries < 200; tries++)); do
        if ! is_ours "$state" "$name"; then
            report "stopped $name (pid $pid)"
            rm -f "$state/$name.pid"
            return
        fi
        sleep 0.1
    done
    kill -KILL "$pid"
    rm -f "$state/$name.pid"
    report "warning: $name (pid $pid) did not stop within 20 s and was killed"
}
