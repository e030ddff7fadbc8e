# SPDX-License-Identifier: Apache-2.0
"""crash_test.py - kill -9 of a node while it writes: every acknowledged push is there afterwards, and nothing else is.

WEIR_CRASH_ROUNDS asks for another number of rounds than 200. They are shared out to slices, each with a node of its own,
so that they can run side by side.
"""

import http.client
import json
import os
import random
import threading
from typing import Any, Dict, List, Optional, Tuple

import pytest

from support.client import fetch, get
from support.node import Node, _UnixConnection
from support.upstream import pause
from support.wait import PATIENCE

ROUNDS = int(os.environ.get("WEIR_CRASH_ROUNDS", "200"))
SLICES = 4
WRITERS = 4
NAMES = 4  # tenants of one writer, which nobody else writes

# A tenant as its writer wrote it: its revision and its one host; None: it is deleted, or was never there.
State = Optional[Tuple[int, str]]


class Writer:
    """Pushes and deletes its own tenants, one write at a time, and records what was acknowledged."""

    def __init__(self, index: int, rng: random.Random) -> None:
        self._rng = rng
        self.names = [f"w{index}-{number}" for number in range(NAMES)]
        self.acked: Dict[str, State] = {name: None for name in self.names}
        self.highest: Dict[str, int] = {name: 0 for name in self.names}
        self.under_way: Optional[Tuple[str, State]] = None
        self.acks = 0
        self.wrong: Optional[str] = None
        self._serial = 0

    def run(self, node: Node) -> None:
        """Write until the node is gone."""
        connection = _UnixConnection(node.socket_path, PATIENCE)
        try:
            while self.wrong is None:
                self._write(connection)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def _write(self, connection: http.client.HTTPConnection) -> None:
        name = self._rng.choice(self.names)
        if self.acked[name] is not None and self._rng.random() < 0.2:
            self.under_way = (name, None)
            connection.request("DELETE", f"/v1/tenants/{name}")
            wanted = (200,)
        else:
            self._serial += 1
            host = f"{name}-{self._serial}-{self._rng.getrandbits(32):08x}.test"
            self.under_way = (name, (self.highest[name] + 1, host))
            connection.request("PUT", f"/v1/tenants/{name}", json.dumps(_tenant(name, host)),
                               {"Content-Type": "application/json"})
            wanted = (200, 201)
        response = connection.getresponse()
        body = response.read()
        if response.status not in wanted:
            self.wrong = f"{name}: {response.status} {body!r}"
            return
        self._note_ack(name, json.loads(body))

    def _note_ack(self, name: str, result: Dict[str, Any]) -> None:
        assert self.under_way is not None
        state = self.under_way[1]
        if state is not None:
            state = (result["revision"], state[1])
            self.highest[name] = result["revision"]
        self.acked[name] = state
        self.under_way = None
        self.acks += 1

    def resolve(self, found: Dict[str, State]) -> None:
        """Compare what is there with what was acknowledged; go on from there."""
        for name in self.names:
            allowed = [self.acked[name]]
            if self.under_way is not None and self.under_way[0] == name:
                allowed.append(self.under_way[1])
            assert found.get(name) in allowed, f"{name}: found {found.get(name)}, allowed {allowed}"
            state = self.acked[name] = found.get(name)
            if state is not None:
                self.highest[name] = state[0]
        self.under_way = None


def _tenant(name: str, host: str) -> Dict[str, Any]:
    return {"name": name, "hosts": [host], "redirects": [{"path": "/", "to": {"host": "to-" + host}}],
            "upstreams": {"web": {"endpoints": [{"address": "127.0.0.1:9"}]}}}


def _find_all(node: Node) -> Dict[str, State]:
    """Every tenant that the node has."""
    found: Dict[str, State] = {}
    listed = node.admin.get("/v1/tenants?limit=1000").json()
    for item in listed.get("items", []):
        shown = node.admin.get(f"/v1/tenants/{item['name']}").json()
        host, = shown["tenant"]["hosts"]
        assert shown["tenant"] == _tenant(item["name"], host)
        assert shown["revision"] == item["revision"]
        found[item["name"]] = (shown["revision"], host)
    assert listed.get("total", 0) == len(found)
    return found


def _check_served(node: Node, found: Dict[str, State], rng: random.Random) -> None:
    """The data path serves what the admin API shows."""
    alive = [state for state in found.values() if state is not None]
    for _, host in rng.sample(alive, min(2, len(alive))):
        response = fetch(node.address, get(host))
        assert response.status == 301 and f"to-{host}".encode() in (response.get("Location") or b"")


def _round(node: Node, writers: List[Writer], rng: random.Random) -> None:
    threads = [threading.Thread(target=writer.run, args=(node,)) for writer in writers]
    for thread in threads:
        thread.start()
    pause(rng.uniform(0, 0.08))
    node.kill()
    for thread in threads:
        thread.join()
    assert [writer.wrong for writer in writers] == [None] * len(writers)
    if rng.random() < 0.2:
        node.spawn()  # killed again while it starts
        pause(rng.uniform(0, 0.05))
        node.kill()
    node.start()
    found = _find_all(node)
    for writer in writers:
        writer.resolve(found)
    assert set(found) <= {name for writer in writers for name in writer.names}
    _check_served(node, found, rng)


@pytest.mark.parametrize("part", range(SLICES))
def test_every_acknowledged_push_survives_kill_9_and_nothing_else_does(make_node, part: int) -> None:
    """Rule 17, issue: after kill -9 at any moment each tenant is as it was last acknowledged, or as the one write that was
    under way made it; no other tenant, revision or byte is there."""
    seed = random.SystemRandom().getrandbits(32)
    rng = random.Random(seed)
    node = make_node()
    writers = [Writer(index, random.Random(rng.getrandbits(32))) for index in range(WRITERS)]
    rounds = ROUNDS // SLICES + (part < ROUNDS % SLICES)
    for number in range(rounds):
        try:
            _round(node, writers, rng)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, round {number}: {error}") from error
    acks = sum(writer.acks for writer in writers)
    assert acks >= rounds, f"only {acks} writes were acknowledged in {rounds} rounds"
