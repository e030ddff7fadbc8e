# SPDX-License-Identifier: Apache-2.0
"""logs_test.py - weir logs: in the order of time, to the end of the node, of tenants that exist."""

import json
import os
import subprocess
from typing import List

from support.client import fetch, get
from support.node import Node, plain_environment, program
from support.site import tenant
from support.wait import PATIENCE, until


def _follower(node: Node, *flags: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([str(program()), "logs", "-f", *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**plain_environment(), "WEIR_NODE": f"unix:{node.socket_path}"})


def _request(node: Node, number: int) -> None:
    fetch(node.address, get("shop.test", f"/{number}"))


def _paths(text: str) -> List[str]:
    return [json.loads(line)["path"] for line in text.splitlines()]


def _times(text: str) -> List[str]:
    return [json.loads(line)["time"] for line in text.splitlines()]


def _serving(make_node, **options) -> Node:
    node = make_node(**options)
    node.apply(tenant("shop", ["127.0.0.1:9"], redirects=[{"path": "/", "to": {"host": "other.test"}}]))
    return node


def test_records_of_all_workers_come_in_the_order_of_time(make_node) -> None:
    """Workers hand over at different moments; the reader sees one order, also while it follows."""
    node = _serving(make_node, workers=2)
    with _follower(node) as follower:
        for number in range(60):
            _request(node, number)
        until(lambda: len(_times(node.run("logs").stdout)) == 60, "all records are there")
        times = _times(node.run("logs").stdout)
        assert times == sorted(times)
        node.stop()
        out, errors = follower.communicate(timeout=PATIENCE)
    followed = _times(out.decode())
    assert followed == sorted(followed) and len(followed) == 60
    assert (follower.returncode, errors) == (0, b"the node has ended\n")


def test_an_ending_node_ends_a_follower_with_its_last_records(make_node) -> None:
    """Exit 0 and a note, behind the record of the last request."""
    node = _serving(make_node)
    with _follower(node) as follower:
        assert follower.stdout is not None
        _request(node, 1)
        assert b'"/1"' in follower.stdout.readline()
        _request(node, 2)
        node.stop()
        out, errors = follower.communicate(timeout=PATIENCE)
    assert _paths(out.decode()) == ["/2"]
    assert (follower.returncode, errors) == (0, b"the node has ended\n")


def test_a_node_that_is_killed_is_an_error_of_a_follower(make_node) -> None:
    """Without the last line the log is not whole: exit 1."""
    node = _serving(make_node)
    with _follower(node) as follower:
        assert follower.stdout is not None
        _request(node, 1)
        assert follower.stdout.readline()
        node.kill()
        _, errors = follower.communicate(timeout=PATIENCE)
    assert follower.returncode == 1 and errors != b""


def test_an_unknown_tenant_is_an_error_with_the_nearest_name(make_node) -> None:
    """It waited for ever for records that cannot come."""
    node = _serving(make_node)
    for flags in ([], ["-f"]):
        done = node.run("logs", *flags, "--tenant", "shpo")
        assert done.returncode == 1 and 'there is no tenant "shpo", did you mean "shop"?' in done.stderr, done.stderr
    node.run("delete", "tenant", "shop")
    assert node.run("logs", "--tenant", "shop").returncode == 0, "a deleted tenant's records are still there"


def test_tail_and_since_bound_what_is_shown(make_node) -> None:
    """--tail N: the last N of those there are; --since D: those of the last D."""
    node = _serving(make_node)
    for number in range(10):
        _request(node, number)
    until(lambda: len(_paths(node.run("logs").stdout)) == 10, "all records are there")
    assert _paths(node.run("logs", "--tail", "3").stdout) == ["/7", "/8", "/9"]
    assert node.run("logs", "--tail", "0").stdout == ""
    assert len(_paths(node.run("logs", "--since", "1h").stdout)) == 10
    assert node.run("logs", "--since", "0s").stdout == ""
    assert node.run("logs", "--tail", "x").returncode == 2
    with _follower(node, "--tail", "2") as follower:
        assert follower.stdout is not None
        os.set_blocking(follower.stdout.fileno(), True)
        assert _paths((follower.stdout.readline() + follower.stdout.readline()).decode()) == ["/8", "/9"]
        follower.terminate()
        follower.communicate(timeout=PATIENCE)
