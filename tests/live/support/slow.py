# SPDX-License-Identifier: Apache-2.0
"""slow.py - an upstream whose response waits for the test, and a client in the middle of that response."""

import threading

from support.client import Client
from support.site import Site
from support.upstream import Served, ok
from support.wait import PATIENCE


class Slow:
    """Responds to /slow in two parts, the second when `go` is set; to all else at once."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, conn: Served) -> None:
        while True:
            request = conn.read_request()
            if request.target == "/slow":
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla")
                self.go.wait(PATIENCE)
                conn.send(b"te")
            else:
                conn.send(ok(b"quick"))


def begin_slow(site: Site) -> Client:
    """A client that has the head of /slow and waits for its body."""
    client = site.connect()
    client.send(site.get("/slow"))
    site.upstream.wait_requests(1)
    while client.read_line():
        pass
    return client
