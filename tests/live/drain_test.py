# SPDX-License-Identifier: Apache-2.0
"""drain_test.py - a drain in the hands of its operator: its deadline, its progress, and how it is taken back."""

import signal
import socket
import subprocess
from typing import Any

from support.client import End, fetch, get
from support.node import Node, program
from support.slow import Slow, begin_slow
from support.wait import PATIENCE, until


def _is_refused(address: Any) -> bool:
    try:
        socket.create_connection(address, 1).close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def _follow(node: Node, *args: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([str(program()), "--node", f"unix:{node.socket_path}", "drain", "--wait", *args],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_second_drain_may_give_more_time(make_node, make_site) -> None:
    """A second drain had no effect and no message: the later deadline counts, and the response has it."""
    script = Slow()
    node = make_node()
    site = make_site(script, on=node)
    running = begin_slow(site)
    address = node.address
    assert "in 1.0 s" in node.run("drain", "--deadline", "1s").stdout
    assert "in 60.0 s" in node.run("drain", "--deadline", "60s").stdout
    until(lambda: _is_refused(address), "the node drains; that takes longer than the first deadline")
    left = node.admin.get("/v1/drain").json()
    assert (left["state"], left["connections"], left["requests"], left["cut"]) == ("draining", 1, 1, 0)
    assert left["deadline_ms"] > 30_000
    assert "deadline_ms=60000 moved=yes" in node.stderr
    script.go.set()
    assert running.read_bytes(4) == b"late"
    assert node.wait() == 0


def test_a_second_drain_may_give_less_time(make_node, make_site) -> None:
    """... and the earlier one as well."""
    node = make_node()
    site = make_site(Slow(), on=node)
    running = begin_slow(site)
    assert node.run("drain", "--deadline", "1h").returncode == 0
    assert node.run("drain", "--deadline", "0s").returncode == 0
    assert node.wait() == 0
    assert running.read_to_end() == b"la"
    node.check_report()


def test_drain_wait_shows_what_is_left_and_returns_with_the_end(make_node, make_site) -> None:
    """Drain --wait."""
    script = Slow()
    node = make_node()
    site = make_site(script, on=node)
    running = begin_slow(site)
    with _follow(node) as waiting:
        assert waiting.stdout is not None and waiting.stderr is not None
        assert waiting.stdout.readline().startswith("draining: 1 connection, 1 request left, ")
        script.go.set()
        assert running.read_bytes(4) == b"late"
        assert waiting.wait(PATIENCE) == 0
        assert waiting.stdout.read().splitlines()[-1] == "drained: nothing was cut; the node ends"
        assert waiting.stderr.read() == ""
    assert node.wait() == 0
    node.check_report()


def test_drain_wait_of_an_idle_node_is_over_at_once(make_node) -> None:
    """The node ends within milliseconds, and the outcome is not lost between the request and that."""
    for _ in range(5):
        node = make_node()
        done = node.run("drain", "--wait")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == "drained: nothing was cut; the node ends"
        assert node.wait() == 0


def test_drain_wait_reports_that_the_deadline_passed(make_node, make_site) -> None:
    """Exit code 5 is timed out waiting."""
    node = make_node()
    site = make_site(Slow(), on=node)
    running = begin_slow(site)
    done = node.run("drain", "--wait", "--deadline", "300ms")
    assert done.returncode == 5
    assert "the deadline passed: 1 connection was cut" in done.stderr
    assert running.read_to_end() == b"la"
    assert node.wait() == 0
    node.check_report()


def test_undrain_serves_again(make_node, make_site) -> None:
    """Undrain: the listeners and /readyz are back, and what ran goes on."""
    script = Slow()
    node = make_node()
    site = make_site(script, on=node)
    running = begin_slow(site)
    address = node.address
    for _ in range(3):
        assert node.run("drain", "--deadline", "1h").returncode == 0
        until(lambda: _is_refused(address), "the node drains")
        assert node.admin.get("/readyz").status == 503
        done = node.run("status")
        assert done.returncode == 3 and "connections left 1, requests left 1" in done.stdout, done.stdout
        assert node.run("undrain").stdout == "serving\n"
        assert node.admin.get("/readyz").status == 200
        assert fetch(address, site.get("/quick")).body == b"quick"
    assert node.run("status").returncode == 0
    script.go.set()
    assert running.read_bytes(4) == b"late"
    assert running.ask(site.get("/quick")).status == 200
    assert node.run("undrain").returncode == 0, "a node that does not drain is none the worse"


def test_undrain_leaves_the_ports_that_the_system_chose(make_node, make_site) -> None:
    """Port 0 is any free one at the start, and that one from then on."""
    node = make_node(listen=("127.0.0.1:0", "127.0.0.1:0"), workers=2)
    running = begin_slow(make_site(Slow(), on=node))
    assert node.run("drain", "--deadline", "1h").returncode == 0
    for address in node.addresses:
        until(lambda: _is_refused(address), "the node drains")
    assert node.run("undrain").returncode == 0
    for address in node.addresses:
        assert fetch(address, get("nobody.test")).status == 404
    running.reset()


def test_undrain_is_refused_when_the_node_ends_already(make_node, make_site) -> None:
    """... refused by name: what the deadline has cut is not brought back."""
    node = make_node()
    site = make_site(Slow(), on=node)
    running = begin_slow(site)
    node.run("drain", "--deadline", "0s")
    done = node.run("undrain")
    assert done.returncode == 1, "refused, or nobody is there any more"
    assert running.read_to_end() == b"la"
    assert node.wait() == 0


def test_an_undrain_is_reported_to_a_follower_of_the_drain(make_node, make_site) -> None:
    """drain --wait does not wait for what will not happen."""
    node = make_node()
    site = make_site(Slow(), on=node)
    running = begin_slow(site)
    with _follow(node, "--deadline", "1h") as waiting:
        assert waiting.stdout is not None and waiting.stderr is not None
        waiting.stdout.readline()
        assert node.run("undrain").returncode == 0
        assert waiting.wait(PATIENCE) == 1
        assert "the node serves again" in waiting.stderr.read()
    running.reset()


def test_a_signal_after_a_drain_gives_no_more_time_than_a_signal_alone(make_node, make_site) -> None:
    """`systemctl stop` of a node that drains for an hour: in 30 s at the latest, and a second signal does not wait."""
    node = make_node()
    site = make_site(Slow(), on=node)
    running = begin_slow(site)
    node.run("drain", "--deadline", "1h")
    node.signal(signal.SIGTERM)
    until(lambda: node.admin.get("/v1/drain").json()["deadline_ms"] <= 30_000, "the deadline is nearer")
    assert node.process and node.process.poll() is None
    node.signal(signal.SIGTERM)
    assert node.wait() == 0
    assert running.read_to_end() == b"la"
    assert running.end in (End.CLEAN, End.RESET)
