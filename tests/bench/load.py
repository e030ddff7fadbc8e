# SPDX-License-Identifier: Apache-2.0
"""load.py - drives a proxy: wrk, h2load or handshakes on the other core, idle connections, and what they cost the proxy."""

import os
import re
import socket
import subprocess
import time

from secure import CIPHER_SUITE, GROUP, compile_c
from servers import host_of, open_connection

LUA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrk.lua")


class Load:
    """Exchanges by wrk: what is asked for, by how many connections, from hosts of how many tenants."""

    def __init__(self, path, connections, tenants=1, close=False):
        self.path = path
        self.connections = connections
        self.tenants = tenants
        self.close = close

    def run(self, proxy, seconds, options):
        """Run for whole seconds; returns the figures."""
        # wrk sends the name of its URL to a TLS server, and takes no other.
        url = "https://localhost:%d/" if proxy.secure else "http://127.0.0.1:%d/"
        line = figures_of(
            ["wrk", "-t1", "-c%d" % self.connections, "-d%ds" % seconds, "--timeout", "10s", "-s", LUA, url % proxy.port, "--",
             self.path, str(self.tenants), "close" if self.close else "keep", str(options.seed)], proxy, options)
        words = [int(word) for word in line.split()[1:]]
        names = ("requests", "microseconds", "bytes", "connect", "read", "write", "timeout", "status", "p50_us", "p99_us")
        found = dict(zip(names, words))
        found["errors"] = sum(found.pop(kind) for kind in ("connect", "read", "write", "timeout", "status"))
        return found


class Handshakes:
    """TLS handshakes, and nothing more on each connection: full ones, or such that resume a session."""

    def __init__(self, connections, resume=False, tenants=1):
        self.connections = connections
        self.resume = resume
        self.tenants = tenants

    def run(self, proxy, seconds, options):
        return self._run(proxy, seconds, "resume" if self.resume else "full", options)

    def each(self, proxy, options):
        """One handshake with each tenant in turn, one at a time."""
        return self._run(proxy, 60, "each", options)

    def _run(self, proxy, seconds, mode, options):
        program = compile_c("handshake", proxy.secure.folder, "-lssl", "-lcrypto")
        line = figures_of([program, str(proxy.port), str(seconds), str(self.connections), mode, str(self.tenants),
                           str(options.seed)], proxy, options)
        return dict(zip(("requests", "microseconds", "errors", "p50_us", "p99_us"), map(int, line.split()[1:])))


class H2Load:
    """Exchanges over HTTP/2 by h2load."""

    tenants = 1

    def __init__(self, path, connections, streams):
        self.path = path
        self.connections = connections
        self.streams = streams

    def run(self, proxy, seconds, options):
        run = on_load_core(
            ["h2load", "-c%d" % self.connections, "-m%d" % self.streams, "-D%d" % seconds, "--tls13-ciphers=" + CIPHER_SUITE,
             "--groups=" + GROUP, "--connect-to=127.0.0.1:%d" % proxy.port,
             "https://%s:%d%s" % (host_of(0), proxy.port, self.path)], proxy, options)
        counts = re.search(r"^requests: .*?(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", run, re.MULTILINE)
        codes = re.search(r"^status codes: (\d+) 2xx", run, re.MULTILINE)
        if counts is None or codes is None or "Application protocol: h2\n" not in run:
            raise RuntimeError("h2load: %s" % run[-500:])
        done, succeeded, failed, errored = map(int, counts.groups())
        return {"requests": done, "microseconds": seconds * 10 ** 6, "errors": failed + errored + succeeded - int(codes.group(1))}


def on_load_core(argv, proxy, options):
    """What a load generator prints."""
    run = subprocess.run(["taskset", "-c", str(options.load_core), *argv], capture_output=True, text=True, check=False,
                         env=proxy.secure.environment() if proxy.secure else None)
    if run.returncode:
        raise RuntimeError("%s: exit %d: %s%s" % (argv[0], run.returncode, run.stdout[-500:], run.stderr[-500:]))
    return run.stdout


def figures_of(argv, proxy, options):
    printed = on_load_core(argv, proxy, options)
    line = next((line for line in printed.splitlines() if line.startswith("figures ")), None)
    if line is None:
        raise RuntimeError("%s prints no figures: %s" % (argv[0], printed[-500:]))
    return line


def measure(proxy, load, seconds, options):
    """What is done per CPU second of the proxy, and the other figures of a round."""
    before = proxy.cpu_seconds()
    got = load.run(proxy, seconds, options)
    spent = proxy.cpu_seconds() - before
    found = {"per_cpu_second": got["requests"] / spent, "per_second": got["requests"] * 1e6 / got["microseconds"],
             "busy": spent * 1e6 / got["microseconds"], "errors": got["errors"], "requests": got["requests"]}
    found.update((key, got[key]) for key in ("p50_us", "p99_us") if key in got)
    if "bytes" in got:
        found["gbit_per_second"] = got["bytes"] * 8e-3 / got["microseconds"]
    return found


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


def h2_frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def h2_exchange(connection, host, path):
    """The first exchange of a connection in HTTP/2, by hand: a client's library would cost more memory than the proxy."""
    def literal(index, value):
        return bytes((index,)) + bytes((len(value),)) + value.encode()  # without indexing, name from the static table
    fields = b"\x82\x87" + literal(0x01, host) + literal(0x04, path)  # :method GET, :scheme https, :authority, :path
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0) + h2_frame(1, 5, 1, fields))
    got = b""
    while True:
        while len(got) < 9 or len(got) < 9 + int.from_bytes(got[:3], "big"):
            piece = connection.recv(65536)
            if not piece:
                raise ValueError("closed before the response was whole")
            got += piece
        length, kind, flags = int.from_bytes(got[:3], "big"), got[3], got[4]
        stream = int.from_bytes(got[5:9], "big")
        if kind in (3, 7):
            raise ValueError("RST_STREAM or GOAWAY")
        if kind == 4 and not flags & 1:
            connection.sendall(h2_frame(4, 1, 0))
        got = got[9 + length:]
        if stream == 1 and kind in (0, 1) and flags & 1:
            return


def used_connection(proxy):
    """A connection that has had one exchange."""
    if proxy.secure and proxy.secure.http2:
        connection = proxy.secure.connect(proxy.port, host_of(0), 10, http2=True)
        h2_exchange(connection, host_of(0), "/1k")
    else:
        connection = open_connection(proxy.port, host_of(0), proxy.secure)
        exchange(connection, host_of(0), "/1k")
    return connection


def idle_bytes(proxy, count):
    """Anonymous bytes that each of `count` idle connections costs, each having had one exchange."""
    connections = []
    try:
        def grow(to):
            while len(connections) < to:
                connections.append(used_connection(proxy))
        grow(16)  # what is made once, at the first connections, is not theirs
        before = proxy.memory()["anonymous"]
        grow(16 + count)
        time.sleep(1.5)  # weir gives memory of HTTP/2 back after a second
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
