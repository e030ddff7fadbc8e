# SPDX-License-Identifier: Apache-2.0
"""calls.py - how often a proxy asks the kernel, or the allocator, for each exchange."""

import mmap
import os
import signal
import struct
import subprocess
import time

from scenarios import LOADS_BY_NAME, running

COUNTED_SECONDS = 2
PRELOAD_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "malloc_count.c")


def wait_attached(tracer, pid):
    """strace is attached to every thread when the kernel shows it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and tracer.poll() is None:
        traced = 0
        tasks = os.listdir("/proc/%d/task" % pid)
        for task in tasks:
            with open("/proc/%d/task/%s/status" % (pid, task), encoding="ascii", errors="replace") as file:
                traced += "TracerPid:\t0\n" not in file.read()
        if traced == len(tasks):
            return
        time.sleep(0.01)
    raise RuntimeError("strace does not attach to %d" % pid)


def parse_strace(text):
    """{system call: calls} of the table that `strace -c` prints."""
    calls = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    return calls


def trace(proxy, load, options):
    """System calls per exchange while `load` runs."""
    output = os.path.join(proxy.folder, "strace.txt")
    pids = proxy.pids()
    argv = ["strace", "-c", "-f", "-o", output]
    for pid in pids:
        argv += ["-p", str(pid)]
    tracer = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for pid in pids:
            wait_attached(tracer, pid)
        requests = load.run(proxy, COUNTED_SECONDS, options)["requests"]
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
    with open(output, encoding="utf-8") as file:
        calls = parse_strace(file.read())
    return {name: count / requests for name, count in calls.items()}


def count_system_calls(options, folder, origin):
    for name in options.scenario or ["small"]:
        speaks, load = LOADS_BY_NAME[name]
        with running(folder, options, origin, 1, speaks=speaks) as proxies:
            for proxy in proxies:
                load.run(proxy, options.warm_seconds, options)
                calls = trace(proxy, load, options)
                shown = sorted(((count, call) for call, count in calls.items() if count >= 0.005), reverse=True)
                print("%s %s: %.2f system calls an exchange: %s" % (
                    name, proxy.name, sum(calls.values()), ", ".join("%s %.2f" % (call, count) for count, call in shown)))
    return 0


def count_allocations(options, folder, origin):
    """Allocator calls per exchange of a warm proxy, counted by a library loaded before libc."""
    library = os.path.join(folder, "malloc_count.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, PRELOAD_SOURCE, "-ldl"], check=True)
    counter = os.path.join(folder, "mallocs")
    with open(counter, "wb") as file:
        file.write(bytes(8))
    options.environment = {"LD_PRELOAD": library, "MALLOC_COUNT_FILE": counter}
    with open(counter, "r+b") as file, mmap.mmap(file.fileno(), 8) as count:
        for name in options.scenario or ["small"]:
            speaks, load = LOADS_BY_NAME[name]
        with running(folder, options, origin, 1, speaks=speaks) as proxies:
                for proxy in proxies:  # the others are idle meanwhile, so what is counted is this one's
                    load.run(proxy, 2 * options.warm_seconds, options)
                    before = struct.unpack("Q", count)[0]
                    requests = load.run(proxy, COUNTED_SECONDS, options)["requests"]
                    after = struct.unpack("Q", count)[0]
                    print("%s %s: %.4f allocations an exchange (%d in %d)" % (
                        name, proxy.name, (after - before) / requests, after - before, requests))
    return 0
