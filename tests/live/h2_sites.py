# SPDX-License-Identifier: Apache-2.0
"""h2_sites.py - fixtures of the tests of HTTP/2: a node with an HTTPS listener, and tenants with certificates on it."""

import shutil
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from conftest import short_folder
from support import h2 as wire
from support.certs import Authority
from support.client import Address
from support.node import Node
from support.site import Site, tenant, unique
from support.upstream import Script, Upstream, responding


class H2Site(Site):
    """A tenant that offers HTTP/2, with a certificate."""

    def __init__(self, node: Node, upstream: Upstream, authority: Authority, http2: bool = True, **more: Any) -> None:
        super().__init__(node, upstream, tenant(unique("h"), [upstream.address], tls={"http2": http2}, **more))
        self.authority: Path = authority.root
        self.port = int(node.config["listen"]["https"][0].rsplit(":", 1)[1])
        self.address: Address = ("127.0.0.1", self.port)
        one = authority.issue(self.host)
        done = node.run("cert", "add", "--tenant", self.name, "--cert", str(one.full_chain), "--key", str(one.key))
        assert done.returncode == 0, done.stdout + done.stderr

    def h2(self, window: int = 1 << 20) -> wire.H2Client:
        return wire.H2Client(self.address, self.host, self.authority, window)

    def fields(self, path: str = "/", method: str = "GET", *more: Tuple[str, str]) -> List[Tuple[bytes, bytes]]:
        return wire.fields_of(self.host, path, method, *more)


def _new_node(folder: Path) -> Node:
    listen = {"http": ["127.0.0.1:0"], "https": [f"127.0.0.1:{wire.free_port()}"]}
    return Node(folder, config={"listen": listen}).start()


@pytest.fixture(scope="module")
def h2_node() -> Iterator[Node]:
    """One for the tests of a module."""
    folder = short_folder()
    node = _new_node(folder)
    yield node
    node.stop()
    shutil.rmtree(folder, ignore_errors=True)


MakeH2Site = Callable[..., H2Site]


@pytest.fixture(scope="module")
def make_h2_site(h2_node: Node, authority: Authority) -> Iterator[MakeH2Site]:
    """Sites on that node; or, with own_node, on one that the test may end."""
    sites: List[H2Site] = []
    nodes: List[Node] = []

    def make(script: Script = responding(), own_node: bool = False, **more: Any) -> H2Site:
        node = _new_node(short_folder()) if own_node else h2_node
        if own_node:
            nodes.append(node)
        sites.append(H2Site(node, Upstream(script), authority, **more))
        return sites[-1]

    yield make
    for site in sites:
        site.close()
    for node in nodes:
        node.stop()
        node.check_report()
        shutil.rmtree(node.folder, ignore_errors=True)
    h2_node.check_alive()
