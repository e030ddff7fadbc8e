# SPDX-License-Identifier: Apache-2.0
"""remote.py - a node's admin API from another host: over TLS, with a token, by weir's own client and by Python's."""

import http.client
import json
import re
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any, List, Mapping, Optional, Tuple, Union

from support.client import Address
from support.node import AdminResponse, Node, run_weir
from support.wait import PATIENCE, until

_STARTED = re.compile(r"node\.started .*? admin=(\S+):(\d+) admin_certificate=(\S+)")


class Remote:
    """The admin.listen of a node that has one."""

    def __init__(self, node: Node) -> None:
        found = until(lambda: _STARTED.findall(node.stderr), "the node states its admin.listen")[-1]
        self.node = node
        self.address: Address = ("127.0.0.1" if found[0] == "0.0.0.0" else found[0].strip("[]"), int(found[1]))
        self.fingerprint: str = found[2]
        self.url = f"https://127.0.0.1:{self.address[1]}"

    @property
    def certificate(self) -> Path:
        """The copy of the node's own certificate, as it is given to clients."""
        return self.node.data / "admin.crt"

    def token(self, *args: str) -> str:
        done = self.node.run("token", "create", *args)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def revoke(self, token: str) -> None:
        done = self.node.run("token", "revoke", token.split("_")[1])
        assert done.returncode == 0, done.stderr

    def run(self, token: Optional[str], *args: str, ca: Optional[Union[Path, str]] = None, url: Optional[str] = None,
            stdin: Optional[str] = None) -> "subprocess.CompletedProcess[str]":
        """`weir ARGS` as on another host: all it is told is in the environment."""
        env = {"WEIR_NODE": url or self.url, "WEIR_CA": str(ca or self.certificate)}
        if token is not None:
            env["WEIR_TOKEN"] = token
        return run_weir(*args, stdin=stdin, cwd=self.node.folder, env=env)

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def open(self, seconds: float = PATIENCE) -> socket.socket:
        """A TCP connection, without TLS yet."""
        return socket.create_connection(self.address, seconds)

    def call(self, method: str, target: str, token: Optional[str] = None, body: Optional[Any] = None,
             headers: Optional[Mapping[str, str]] = None) -> AdminResponse:
        """One request over a connection of its own, verified as the certificate's name wants it."""
        connection = http.client.HTTPSConnection(*self.address, timeout=PATIENCE * 2, context=self.context())
        fields = dict(headers or {})
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            fields.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, target, body=body, headers=fields)
            return AdminResponse(connection.getresponse())
        finally:
            connection.close()


def secrets_of(tokens: List[str]) -> List[str]:
    """What of tokens must not show anywhere."""
    return [token.split("_")[2] for token in tokens]


def split(url: str) -> Tuple[str, int]:
    host, port = url[len("https://"):].rsplit(":", 1)
    return host, int(port)
