# SPDX-License-Identifier: Apache-2.0
"""load.py - drives a proxy: wrk on the other core, idle connections, and what both cost the proxy."""

import os
import socket
import subprocess
import time

from servers import host_of

LUA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrk.lua")


class Load:
    """One kind of load: what is asked for, by how many connections, from hosts of how many tenants."""

    def __init__(self, path, connections, tenants=1, close=False):
        self.path = path
        self.connections = connections
        self.tenants = tenants
        self.close = close


def run_wrk(load, port, seconds, options):
    """Run wrk for whole seconds; returns its figures."""
    run = subprocess.run(
        ["taskset", "-c", str(options.load_core), "wrk", "-t1", "-c%d" % load.connections, "-d%ds" % seconds, "--timeout", "10s",
         "-s", LUA, "http://127.0.0.1:%d/" % port, "--", load.path, str(load.tenants), "close" if load.close else "keep",
         str(options.seed)], capture_output=True, text=True, check=False)
    line = next((line for line in run.stdout.splitlines() if line.startswith("figures ")), None)
    if run.returncode or line is None:
        raise RuntimeError("wrk: exit %d: %s%s" % (run.returncode, run.stdout[-500:], run.stderr[-500:]))
    words = [int(word) for word in line.split()[1:]]
    names = ("requests", "microseconds", "bytes", "connect", "read", "write", "timeout", "status", "p50_us", "p99_us")
    return dict(zip(names, words))


def measure(proxy, load, seconds, options):
    """Requests per CPU second of the proxy, and the other figures of a round."""
    before = proxy.cpu_seconds()
    got = run_wrk(load, proxy.port, seconds, options)
    spent = proxy.cpu_seconds() - before
    errors = sum(got[kind] for kind in ("connect", "read", "write", "timeout", "status"))
    return {"per_cpu_second": got["requests"] / spent, "per_second": got["requests"] * 1e6 / got["microseconds"],
            "busy": spent * 1e6 / got["microseconds"], "p50_us": got["p50_us"], "p99_us": got["p99_us"], "errors": errors,
            "requests": got["requests"], "gbit_per_second": got["bytes"] * 8e-3 / got["microseconds"]}


def exchange(connection, host, path):
    """One GET on a keep-alive connection; returns the body, whose length the response must declare."""
    connection.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), host.encode()))
    response = b""
    while b"\r\n\r\n" not in response:
        piece = connection.recv(65536)
        if not piece:
            raise ValueError("closed before the head was whole")
        response += piece
    head, _, body = response.partition(b"\r\n\r\n")
    if int(head.split()[1]) != 200:
        raise ValueError("status %s" % head.split()[1].decode())
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            raise ValueError("closed before the body was whole")
        body += piece
    return body


def idle_bytes(proxy, count):
    """Anonymous bytes that each of `count` idle connections costs, each having had one exchange."""
    connections = []
    try:
        def grow(to):
            while len(connections) < to:
                connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
                connections.append(connection)
                exchange(connection, host_of(0), "/1k")
        grow(16)  # what is made once, at the first connections, is not theirs
        before = proxy.memory()["anonymous"]
        grow(16 + count)
        time.sleep(0.5)
        return (proxy.memory()["anonymous"] - before) / count
    finally:
        for connection in connections:
            connection.close()


def wait_for_response(proxy, tenant, wanted, seconds=60):
    """Ask on new connections until the tenant's response is `wanted`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
                if exchange(connection, host_of(tenant), "/which") == wanted:
                    return
        except (OSError, ValueError):
            continue
    raise RuntimeError("%s: tenant %d does not respond %r after %d s" % (proxy.name, tenant, wanted, seconds))


def change_seconds(proxy, tenant):
    """Seconds from giving the change of one tenant until a new request sees it; the change is taken back after."""
    give = proxy.change(tenant, 1)
    started = time.monotonic()
    give()
    wait_for_response(proxy, tenant, b"b\n")
    taken = time.monotonic() - started
    proxy.wait_idle()
    proxy.change(tenant, 0)()
    wait_for_response(proxy, tenant, b"a\n")
    proxy.wait_idle()
    return taken
