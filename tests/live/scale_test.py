# SPDX-License-Identifier: Apache-2.0
"""scale_test.py - 10,000 tenants pushed at once while traffic runs, with not one failed request; and what they cost after."""

import json
import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest

from support.client import Client, fetch, get
from support.node import Node
from support.site import Site
from support.upstream import ok, responding
from support.wait import until

TENANTS = 10_000
FILES = 20


class Traffic:
    """Clients that ask without a pause, over reused and over new connections, until they are stopped."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stop = threading.Event()
        self.served = 0
        self.failed: List[str] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(is_reused,)) for is_reused in (True, True, False)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _note(self, failure: str) -> None:
        with self._lock:
            if failure:
                self.failed.append(failure)
            else:
                self.served += 1

    def _run(self, is_reused: bool) -> None:
        client = self._site.connect()
        while not self._stop.is_set():
            try:
                response = client.ask(self._site.get("/"))
                self._note("" if (response.status, response.body) == (200, b"steady") else f"{response.status} {response.body!r}")
                if is_reused:
                    continue
            except (AssertionError, OSError) as error:
                self._note(repr(error))
            client.close()
            client = self._site.connect()
        client.close()


def _document(number: int, version: int = 1) -> Dict[str, Any]:
    return {"apiVersion": "weir/v1", "kind": "Tenant", "name": f"s{number:05}", "hosts": [f"s{number:05}.test"],
            "upstreams": {"web": {"endpoints": [{"address": "127.0.0.1:9"}]}},
            "redirects": [{"path": "/", "to": {"host": f"v{version}.s{number:05}.test"}}]}


def _write_folder(folder: Path, version: int = 1) -> None:
    """Files of many documents. JSON is YAML, and quicker to write."""
    for part in range(FILES):
        with open(folder / f"part{part:02}.yaml", "w", encoding="utf-8") as file:
            for number in range(part, TENANTS, FILES):
                file.write(f"---\n{json.dumps(_document(number, version))}\n")


def _leads_to(node: Node, number: int) -> bytes:
    return fetch(node.address, get(f"s{number:05}.test")).get("Location") or b""


@pytest.mark.parametrize("workers", [2])
def test_10000_tenants_under_traffic(make_node, make_site, folder: Path, workers: int) -> None:
    """Loading, listing and changing stay proportional to what is touched; nobody waits or fails."""
    _write_folder(folder)
    node: Node = make_node(workers=workers)
    site: Site = make_site(responding(ok(b"steady")), on=node)
    with Traffic(site) as traffic:
        until(lambda: traffic.served >= 50, "traffic runs")
        for outcome, version in (("created", 1), ("unchanged", 1), ("changed", 2)):
            _write_folder(folder, version)
            before = traffic.served
            done = node.run("apply", "-f", str(folder), "--timeout", "2m")
            assert done.returncode == 0, done.stderr[-2000:]
            assert f"{TENANTS} tenants: {TENANTS} {outcome}" in done.stdout
            assert traffic.served > before, "traffic stood still during the push"
            for number in (0, 1, 4999, TENANTS - 1):
                until(lambda number=number: f"v{version}.".encode() in _leads_to(node, number), "the push is live")
    assert traffic.failed == []
    _check_listing(node)
    node.restart()
    assert b"v2.s07777" in _leads_to(node, 7777)
    assert node.admin.get("/v1/tenants").json()["total"] == TENANTS + 1
    with Client(node.address) as client:
        for number in range(0, TENANTS, 37):
            response = client.ask(get(f"s{number:05}.test"))
            assert f"v2.s{number:05}.test".encode() in (response.get("Location") or b"")


def _check_listing(node: Node) -> None:
    """Every tenant is listed once, page by page."""
    names: List[str] = []
    after = ""
    while True:
        page = node.admin.get(f"/v1/tenants?limit=1000&prefix=s0&after={after}").json()
        names += [item["name"] for item in page["items"]]
        after = page.get("next", "")
        if not after:
            break
    assert names == [f"s{number:05}" for number in range(TENANTS)]
    listed = node.run("get", "-o", "name").stdout.split()
    assert len(listed) == TENANTS + 1
