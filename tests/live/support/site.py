# SPDX-License-Identifier: Apache-2.0
"""site.py - tenants as tests write them, and a tenant with its upstream as the unit of most tests."""

import http.client
import itertools
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from support.client import Client, get
from support.message import Response
from support.node import Node
from support.upstream import Upstream
from support.wait import PATIENCE, until

_serial = itertools.count(1)

Endpoint = Union[str, Mapping[str, Any]]

# Served by weir itself, so that a test sees when a push is live without a request to the upstream.
_MARK_PATH = "/.generation"


def unique(prefix: str = "t") -> str:
    """A label that no other test of this run has, in whichever process."""
    return f"{prefix}{os.getpid()}x{next(_serial)}"


def tenant(name: str, endpoints: Sequence[Endpoint], hosts: Optional[Sequence[str]] = None,
           upstream: Optional[Mapping[str, Any]] = None, **more: Any) -> Dict[str, Any]:
    """A tenant with one upstream `web`. Connections are not dialled ahead, unless `upstream` sets it."""
    listed = [dict(address=one) if isinstance(one, str) else dict(one) for one in endpoints]
    web: Dict[str, Any] = {"pool": {"min_idle": 0}, "endpoints": listed, **(upstream or {})}
    document: Dict[str, Any] = {"apiVersion": "weir/v1", "kind": "Tenant", "name": name,
                                "hosts": list(hosts) if hosts is not None else [f"{name}.test"],
                                "upstreams": {"web": web}}
    document.update(more)
    return document


class Site:
    """A tenant of a node, with the upstream behind it."""

    def __init__(self, node: Node, upstream: Optional[Upstream], document: Mapping[str, Any]) -> None:
        self.node = node
        self.name: str = document["name"]
        self.host: str = document["hosts"][0] if document.get("hosts") else ""
        self._upstream = upstream
        self.document: Dict[str, Any] = dict(document)
        self.generation = 0
        self.push()

    @property
    def upstream(self) -> Upstream:
        assert self._upstream is not None
        return self._upstream

    def push(self, **changes: Any) -> None:
        """Apply the tenant with these keys changed, and wait until it is live on every worker."""
        self.document.update(changes)
        self.generation += 1
        mark = {"path": f"={_MARK_PATH}", "to": {"code": 302, "path": f"/{self.generation}"}}
        pushed = dict(self.document)
        pushed["redirects"] = [*pushed.get("redirects", []), mark]
        self.node.apply(pushed)
        until(self._is_live, f"generation {self.generation} of {self.name} is live")

    def _is_live(self) -> bool:
        tries = 1 if self.node.config["workers"] == "1" else 24
        return all(self._sees_generation() for _ in range(tries))

    def _sees_generation(self) -> bool:
        with self.connect() as client:
            response = client.ask(get(self.host or "any", _MARK_PATH))
        location = response.get("Location") or b""
        return response.status == 302 and location.endswith(f"/{self.generation}".encode())

    def barrier(self) -> None:
        """A round trip through the one worker: it has taken what was sent to it before, on whichever connection."""
        assert self.node.config["workers"] == "1", "each worker goes on by itself"
        assert self._sees_generation()

    def connect(self, seconds: float = PATIENCE, source: Optional[str] = None) -> Client:
        return self.node.connect(seconds, source)

    def get(self, target: str = "/", *lines: str, method: str = "GET", body: bytes = b"") -> bytes:
        """A correct request to this site."""
        return get(self.host, target, *lines, method=method, body=body)

    def fetch(self, target: str = "/", *lines: str, method: str = "GET", body: bytes = b"") -> Response:
        """One request on a connection of its own."""
        with self.connect() as client:
            return client.ask(self.get(target, *lines, method=method, body=body))

    def forwarded(self, target: str = "/", *fields: str, method: str = "GET", framing: str = "", body: bytes = b"",
                  client: str = "127.0.0.1", forwarded_for: str = "", authority: str = "", via: str = "1.1") -> bytes:
        """The exact bytes that the upstream must get, request id replaced; `fields` are those passed on."""
        host = authority or self.host
        lines: List[str] = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields,
                            f"X-Forwarded-For: {forwarded_for or client}", "X-Forwarded-Proto: http",
                            f"X-Forwarded-Host: {host}", f"X-Real-IP: {client}", "X-Request-ID: -",
                            f"Via: {via} weir", "CDN-Loop: weir"]
        if framing:
            lines.append(framing)
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def close(self) -> None:
        try:
            if self.node.process is not None:
                self.node.admin.call("DELETE", f"/v1/tenants/{self.name}")
        except (OSError, http.client.HTTPException):
            pass  # the node has ended, which is its test's business
        if self._upstream is not None:
            self._upstream.close()
