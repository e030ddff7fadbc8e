# SPDX-License-Identifier: Apache-2.0
"""conftest.py - fixtures of the live tests. README.md of this folder explains which to use."""

import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator, List, Mapping, Optional, Sequence

import pytest

from support.certs import Authority
from support.dns import NameServer
from support.nginx import Nginx
from support.node import Node
from support.site import Endpoint, Site, tenant, unique
from support.upstream import Script, Upstream, responding

MakeNode = Callable[..., Node]
MakeSite = Callable[..., Site]
MakeUpstream = Callable[..., Upstream]


def short_folder() -> Path:
    """A folder whose path leaves room for a socket's name."""
    return Path(tempfile.mkdtemp(prefix="weir-live."))


@pytest.fixture
def folder() -> Iterator[Path]:
    path = short_folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def authority() -> Iterator[Authority]:
    """What issues the certificates of TLS tests: made once, so ask for the same certificate as often as you like."""
    path = short_folder()
    yield Authority(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def ipv6() -> None:
    """For tests that need ::1, which a container engine does not give unless it is asked to."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"this host has no IPv6 loopback address: {error.strerror}")


def _shared_node(workers: int, **options: Any) -> Iterator[Node]:
    path = short_folder()
    node = Node(path, workers=workers, **options).start()
    yield node
    node.stop()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """The node of all tests that do not care which one: one worker, so that what it has in memory is in one place."""
    yield from _shared_node(1)


@pytest.fixture(scope="session")
def secure_node() -> Iterator[Node]:
    """A node of one worker that listens with TLS too."""
    yield from _shared_node(1, config={"listen": {"https": ["127.0.0.1:0"]}})


@pytest.fixture(scope="session")
def twin_node() -> Iterator[Node]:
    """A node with two workers."""
    yield from _shared_node(2)


@pytest.fixture
def make_node(folder: Path) -> Iterator[MakeNode]:
    """Nodes of a test's own. All end in order, and without a report of a sanitizer; before `folder` is gone."""
    nodes: List[Node] = []
    folders: List[Path] = []

    def make(start: bool = True, **options: Any) -> Node:
        path = options.pop("folder", None)
        if path is None:
            path = short_folder()
            folders.append(path)
        one = Node(path, **options)
        nodes.append(one)
        return one.start() if start else one

    yield make
    try:
        for one in nodes:
            one.stop()
    finally:
        for one in nodes:
            if one.process is not None:
                one.kill()
        for path in folders:
            shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_upstream() -> Iterator[MakeUpstream]:
    upstreams: List[Upstream] = []

    def make(script: Script = responding(), **options: Any) -> Upstream:
        one = Upstream(script, **options)
        upstreams.append(one)
        return one

    yield make
    for one in upstreams:
        one.close()
    for one in upstreams:
        one.check()


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    """A DNS server of the test's own."""
    server = NameServer()
    yield server
    server.close()


class SiteMaker:
    """Makes tenants on a node, each with a name and host of its own, and clears them away."""

    def __init__(self, shared: Node) -> None:
        self._node = shared
        self._sites: List[Site] = []
        self._upstreams: List[Upstream] = []

    def __call__(self, script: Script = responding(), endpoints: Optional[Sequence[Endpoint]] = None,
                 on: Optional[Node] = None, upstream: Optional[Mapping[str, Any]] = None, **more: Any) -> Site:
        """A site whose upstream runs `script`; with `endpoints`, these are its servers instead."""
        server = None
        if endpoints is None:
            server = Upstream(script)
            self._upstreams.append(server)
            endpoints = [server.address]
        site = Site(on or self._node, server, tenant(unique(), endpoints, upstream=upstream, **more))
        self._sites.append(site)
        return site

    def close(self) -> None:
        for site in self._sites:
            site.close()
        self._node.check_alive()
        for server in self._upstreams:
            server.check()


@pytest.fixture
def make_site(node: Node) -> Iterator[SiteMaker]:
    """Sites on the shared node."""
    maker = SiteMaker(node)
    yield maker
    maker.close()


@pytest.fixture
def make_secure_site(secure_node: Node, authority: Authority) -> Iterator[MakeSite]:
    """Sites on the node with TLS, each with a certificate and HTTP/2 unless `tls` says otherwise."""
    maker = SiteMaker(secure_node)

    def make(*args: Any, **more: Any) -> Site:
        site = maker(*args, **{"tls": {"http2": True}, **more})
        secure_node.add_certificate(site.name, authority.issue(site.host))
        return site

    yield make
    maker.close()


@pytest.fixture(scope="module")
def make_module_site(node: Node) -> Iterator[SiteMaker]:
    """Sites on the shared node that the tests of a module share."""
    maker = SiteMaker(node)
    yield maker
    maker.close()


@pytest.fixture(scope="session")
def nginx() -> Iterator[Nginx]:
    path = short_folder()
    server = Nginx(path)
    yield server
    server.stop()
    shutil.rmtree(path, ignore_errors=True)
