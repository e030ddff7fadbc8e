# SPDX-License-Identifier: Apache-2.0
"""reload_test.py - the node file read again while the node serves: what is taken over, what is named, what is refused."""

import json
import os
import signal
import socket
import threading
from typing import Any, List

import pytest

from support.client import Address, fetch, get
from support.node import Node
from support.wait import until


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _is_refused(address: Any) -> bool:
    try:
        socket.create_connection(address, 1).close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def _start(make_node, **options: Any) -> Node:
    """A node whose file names the port that the system chose."""
    node: Node = make_node(**options)
    node.write_config()
    assert node.run("reload").returncode == 0
    return node


def _reload(node: Node, expect: int = 0):
    node.write_config()
    done = node.run("reload")
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def _listen(node: Node, *addresses: Address) -> None:
    node.config["listen"]["http"] = [f"{host}:{port}" for host, port in addresses]


def test_nothing_differs(make_node) -> None:
    """A reload of the same file takes nothing over and harms nothing."""
    node = _start(make_node)
    for _ in range(5):
        assert _reload(node).stdout == "reloaded: nothing to take over\n"
    assert fetch(node.address, get("nobody.test")).status == 404


def test_listeners_come_and_go(make_node, make_site) -> None:
    """Listeners; those that stay are not disturbed, connections of one that goes live on."""
    node = _start(make_node, workers=2)
    site = make_site(on=node)
    first, second = node.address, ("127.0.0.1", _free_port())
    with site.connect() as client:
        assert client.ask(site.get("/1")).status == 200
        _listen(node, first, second)
        assert _reload(node).stdout == "reloaded: listen.http\n"
        assert fetch(second, site.get("/2")).status == 200
        assert fetch(first, site.get("/3")).status == 200
        _listen(node, second)
        assert _reload(node).stdout == "reloaded: listen.http\n"
        until(lambda: _is_refused(first), "the old listener is gone")
        assert client.ask(site.get("/4")).status == 200, "its connection lives on"
        assert fetch(second, site.get("/5")).status == 200
    until(lambda: _back(node, first, second), "the old port can be had again")
    assert fetch(first, site.get("/6")).status == 200


def _back(node: Node, *addresses: Address) -> bool:
    """Listeners that go hold their ports for a moment; then a reload reports that an address is busy."""
    _listen(node, *addresses)
    node.write_config()
    done = node.run("reload")
    assert done.returncode in (0, 3), done.stderr
    return done.returncode == 0


def test_no_request_is_lost_by_reloads(make_node, make_site) -> None:
    """Requests on the listener that stays, one after another, while the others come and go twenty times."""
    node = _start(make_node, workers=2)
    site = make_site(on=node)
    first = node.address
    seen: List[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            seen.append(fetch(first, site.get("/")).status)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for number in range(20):
            _listen(node, first, *([("127.0.0.1", _free_port())] if number % 2 == 0 else []))
            node.config["limits"]["connections"] = 1000 + number
            _reload(node)
    finally:
        stop.set()
        thread.join()
    assert len(seen) > 20 and set(seen) == {200}
    node.check_alive()


def test_a_port_that_is_taken_changes_nothing(make_node) -> None:
    """All or nothing: a listener that cannot be bound leaves all as it was, and is named."""
    node = _start(make_node, workers=2)
    first = node.address
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        _listen(node, ("127.0.0.1", _free_port()), other.getsockname())
        node.config["log"]["level"] = "debug"
        done = _reload(node, expect=1)
        assert f"listen.http: 127.0.0.1:{other.getsockname()[1]} is taken" in done.stderr, done.stderr
    assert fetch(first, get("nobody.test")).status == 404
    assert node.admin.get("/v1/log-level").json()["level"] == "info"
    _listen(node, first)
    assert _reload(node).stdout == "reloaded: log.level\n"


def test_a_bad_file_is_refused_whole(make_node) -> None:
    """... and every fault of it is written at once."""
    node = _start(make_node)
    good = node.config_path.read_text()
    for text, words in ((good + "colour: red\ntrusted_proxies: [10.0.0.0/33]\n", ["colour", "10.0.0.0/33"]),
                        ("a: [\n", [":"]), ("", []), ("apiVersion: weir/v1\nkind: Tenant\nname: a\n", [])):
        node.config_path.write_text(text)
        done = node.run("reload")
        assert done.returncode == 1 and done.stderr, text
        for word in words:
            assert word in done.stderr, done.stderr
    node.config_path.unlink()
    assert "cannot be read: No such file" in node.run("reload").stderr
    node.config_path.write_text(good)
    assert node.run("reload").stdout == "reloaded: nothing to take over\n"


def test_a_fifo_in_place_of_the_file_does_not_hold_the_node(make_node) -> None:
    """It is refused by name; the next reload is none the worse, and the node can end."""
    node = _start(make_node)
    good = node.config_path.read_text()
    node.config_path.unlink()
    os.mkfifo(node.config_path)
    done = node.run("reload", "--timeout", "5s")
    assert done.returncode == 1 and "is not a regular file" in done.stderr, done.stdout + done.stderr
    node.config_path.unlink()
    node.config_path.write_text(good)
    assert node.run("reload").stdout == "reloaded: nothing to take over\n"


def test_what_needs_a_restart_is_named(make_node, folder) -> None:
    """Exit 0 with a warning for each such key; what can change is taken over all the same, and the rest after a restart."""
    node = _start(make_node)
    node.config.update({"name": "other", "workers": "2", "trusted_proxies": ["10.0.0.0/8"]})
    done = _reload(node)
    assert done.stdout == "reloaded: trusted_proxies\n"
    assert done.stderr.splitlines() == [f"weir reload: warning: {key}: the new value needs a restart of the node"
                                        for key in ("name", "workers")]
    one, = node.admin.get("/v1/status").json()["nodes"]
    assert (one["name"], one["workers"]) == ("live", 1)
    node.restart()
    one, = node.admin.get("/v1/status").json()["nodes"]
    assert (one["name"], one["workers"]) == ("other", 2)


def test_the_store_grows_and_shrinks_without_a_restart(make_node) -> None:
    """limits.store: what is in force is in the status; more than the address space of the start needs a restart."""
    node = _start(make_node)
    for size in (300, 200):
        node.config["limits"]["store"] = f"{size}MiB"
        assert _reload(node).stdout == "reloaded: limits.store\n"
        one, = node.admin.get("/v1/status").json()["nodes"]
        assert int(one["store_max_bytes"]) == size << 20
    node.config["limits"]["store"] = "1TiB"
    done = _reload(node)
    assert done.stderr == "weir reload: warning: limits.store: the new value needs a restart of the node\n"
    one, = node.admin.get("/v1/status").json()["nodes"]
    assert int(one["store_max_bytes"]) == 200 << 20


def test_trusted_proxies_count_at_once(make_node, make_site) -> None:
    """Trusted proxies, for the next request on a connection that there is."""
    node = _start(make_node)
    site = make_site(on=node)
    lines = ("X-Forwarded-For: 198.51.100.7",)
    with site.connect() as client:
        client.ask(site.get("/untrusted", *lines))
        node.config["trusted_proxies"] = ["127.0.0.0/8"]
        _reload(node)
        until(lambda: _is_trusted(client, site, lines), "the worker has it")


def _is_trusted(client, site, lines) -> bool:
    assert client.ask(site.get("/trusted", *lines)).status == 200
    return site.upstream.requests[-1].get("X-Real-IP") == b"198.51.100.7"


def test_the_limit_of_connections(make_node) -> None:
    """Limits: a higher one accepts the clients that wait because nobody is idle."""
    node = _start(make_node, config={"limits": {"connections": 16}})
    clients = [node.connect() for _ in range(17)]
    head, rest = get("nobody.test")[:-2], get("nobody.test")[-2:]
    for client in clients[:16]:
        client.send(head)
    until(lambda: node.admin.metrics()["weir_connections_open"] == 16, "all places are taken")
    clients[16].send(get("nobody.test"))
    assert clients[16].is_silent()
    node.config["limits"]["connections"] = 100
    assert _reload(node).stdout == "reloaded: limits.connections\n"
    assert clients[16].read_response().status == 404
    for client in clients[:16]:
        assert client.ask(rest).status == 404
    for client in clients:
        client.close()


def test_the_access_log_moves(make_node, make_site) -> None:
    """The log's target: each record is in the file of its time, none is lost."""
    node = _start(make_node)
    site = make_site(on=node)
    old, new = node.access_path, node.folder / "new.log"
    site.fetch("/old")
    node.wait_record(path="/old")
    node.config["log"]["access"] = str(new)
    _reload(node)
    site.fetch("/new")
    until(lambda: new.exists() and "/new" in new.read_text(), "the record is in the new file")
    assert [json.loads(line)["path"] for line in old.read_text().splitlines()][-1] == "/old"
    moved = node.folder / "moved.log"
    new.rename(moved)
    assert node.run("reload").returncode == 0  # as logrotate wants it
    until(new.exists, "the new file is opened anew")
    node.config["log"]["access"] = "off"
    _reload(node)
    site.fetch("/nowhere")
    node.config["log"]["access"] = "/nowhere/access.log"
    assert "log.access: /nowhere/access.log cannot be written" in _reload(node, expect=1).stderr
    node.config["log"]["access"] = str(old)
    _reload(node)
    site.fetch("/again")
    until(lambda: "/again" in old.read_text(), "the record is in the old file again")
    assert "/nowhere" not in old.read_text() + new.read_text() + moved.read_text()


def test_the_metrics_address_widens_to_its_wildcard_as_the_check_says(make_node) -> None:
    """--check and reload agree: the port is the node's own. A reload that fails elsewhere leaves the metrics as they were."""
    node = _start(make_node)
    port = _free_port()
    node.config["admin"]["metrics"] = f"127.0.0.1:{port}"
    _reload(node)
    listeners = node.config["listen"]["http"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        node.config["admin"]["metrics"] = f"0.0.0.0:{port}"
        node.config["listen"]["http"] = [f"127.0.0.1:{other.getsockname()[1]}"]
        assert "listen.http" in _reload(node, expect=1).stderr
    assert fetch(("127.0.0.1", port), get("weir", "/readyz")).status == 200
    node.config["listen"]["http"] = listeners
    assert _reload(node).stdout == "reloaded: admin.metrics\n"
    assert fetch(("127.0.0.2", port), get("weir", "/readyz")).status == 200


def test_the_log_level_and_the_metrics_address(make_node) -> None:
    """Log; and admin.metrics comes, moves and goes."""
    node = _start(make_node)
    node.config["log"]["level"] = "debug"
    port, other = _free_port(), _free_port()
    node.config["admin"]["metrics"] = f"127.0.0.1:{port}"
    assert _reload(node).stdout == "reloaded: admin.metrics, log.level\n"
    assert fetch(("127.0.0.1", port), get("weir", "/readyz")).status == 200
    assert node.admin.get("/v1/log-level").json() == {"level": "debug", "configured": "debug"}
    node.config["admin"]["metrics"] = f"127.0.0.1:{other}"
    _reload(node)
    assert fetch(("127.0.0.1", other), get("weir", "/readyz")).status == 200
    assert _is_refused(("127.0.0.1", port))
    del node.config["admin"]["metrics"]
    _reload(node)
    until(lambda: _is_refused(("127.0.0.1", other)), "the metrics are gone")


@pytest.mark.parametrize("number", [1, 20])
def test_sighup_does_the_same(make_node, number: int) -> None:
    """SIGHUP, once or many times at once: the last file counts, and the outcome is in the log."""
    node = _start(make_node)
    port = _free_port()
    _listen(node, node.address, ("127.0.0.1", port))
    node.write_config()
    for _ in range(number):
        node.signal(signal.SIGHUP)
    until(lambda: not _is_refused(("127.0.0.1", port)), "the listener is there")
    assert "node.reload_changed key=listen.http" in node.stderr
    node.config_path.write_text("nonsense: yes\n")
    node.signal(signal.SIGHUP)
    until(lambda: "node.reload_refused" in node.stderr, "the fault is in the log")
    assert "node.reload_problem" in node.stderr
    assert fetch(("127.0.0.1", port), get("nobody.test")).status == 404


def test_a_draining_node_takes_no_new_file(make_node) -> None:
    """What ends opens no listeners; the way out is named."""
    node = _start(make_node)
    with node.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: nob")
        until(lambda: node.admin.metrics()["weir_connections_open"] == 1, "the request has begun")
        node.run("drain", "--deadline", "1h")
        done = node.run("reload")
        assert done.returncode == 3 and "weir undrain" in done.stderr
        assert node.run("undrain").returncode == 0
        assert node.run("reload").returncode == 0
        client.send(b"ody.test\r\n\r\n")
        assert client.read_response().status == 404
