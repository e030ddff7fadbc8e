# SPDX-License-Identifier: Apache-2.0
"""resolver_test.py - names of endpoints: who looks them up, how often, for how long what came is used, and who waits for whom."""

import subprocess
import threading
import time
from typing import Any, Dict, List

import pytest

from support.client import fetch, get
from support.dns import A, AAAA, NameServer
from support.node import Node
from support.site import tenant
from support.upstream import ok, responding
from support.wait import until


def _resolver(server: NameServer, **more: Any) -> Dict[str, Any]:
    return {"resolver": {"servers": [server.address], **more}}


def _get(node: Node, name: str):
    return fetch(node.address, get(f"{name}.test"))


class Asker:
    """A request that is sent by a thread of its own, for a test that goes on while it waits."""

    def __init__(self, node: Node, name: str) -> None:
        self.status = 0
        self._thread = threading.Thread(target=self._ask, args=(node, name), daemon=True)
        self._thread.start()

    def _ask(self, node: Node, name: str) -> None:
        try:
            self.status = _get(node, name).status
        except (AssertionError, OSError, ValueError):
            self.status = -1

    def is_waiting(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> int:
        self._thread.join()
        return self.status


def test_one_tenants_slow_names_do_not_hold_up_another(make_node, make_upstream, name_server) -> None:
    """Twenty names of one tenant whose server is silent; the names of others are found meanwhile."""
    upstream = make_upstream(responding())
    node = make_node(config=_resolver(name_server, timeout="20s"))
    slow = [f"slow{n}.example" for n in range(20)]
    for name in slow:
        name_server.be_silent(name)
    name_server.set("good.example", "127.0.0.1")
    patient = {"connect_timeout": "60s"}
    node.apply(*(tenant(f"slow{n}", [f"{name}:80"], upstream=patient) for n, name in enumerate(slow)),
               tenant("good", [f"good.example:{upstream.port}"]))
    askers = [Asker(node, f"slow{n}") for n in range(20)]
    for name in slow:
        name_server.wait_asked(name)
    assert _get(node, "good").status == 200
    assert all(asker.is_waiting() for asker in askers)
    node.run("drain", "--deadline", "0s")
    assert node.wait() == 0


def test_a_tenant_has_a_limited_number_of_look_ups_at_once(make_node, make_upstream, name_server) -> None:
    """resolver.lookups_per_tenant: the fifth name of one tenant waits for a response to one of the four before it."""
    upstream = make_upstream(responding())
    node = make_node(config=_resolver(name_server, timeout="30s"))
    routes, upstreams = [], {}
    for n in range(6):
        name_server.be_silent(f"n{n}.example")
        name_server.set(f"n{n}.example", "127.0.0.1")
        upstreams[f"u{n}"] = {"connect_timeout": "60s", "endpoints": [{"address": f"n{n}.example:{upstream.port}"}]}
        routes.append({"path": f"/{n}", "upstream": f"u{n}"})
    name_server.set("other.example", "127.0.0.1")
    node.apply({"apiVersion": "weir/v1", "kind": "Tenant", "name": "many", "hosts": ["many.test"],
                "upstreams": upstreams, "routes": routes}, tenant("other", [f"other.example:{upstream.port}"]))
    clients = [node.connect(60) for _ in range(6)]
    for n, client in enumerate(clients):
        client.send(get("many.test", f"/{n}"))
        if n < 4:
            name_server.wait_asked(f"n{n}.example")
    # The other tenant's name is asked for after those that have to wait.
    assert _get(node, "other").status == 200
    asked = {name for name, _ in name_server.questions}
    assert asked == {f"n{n}.example" for n in range(4)} | {"other.example"}
    for n in range(6):
        name_server.speak(f"n{n}.example")
    for client in clients:
        assert client.read_response().status == 200
        client.close()


def test_two_workers_ask_once(make_node, make_upstream, name_server) -> None:
    """One cache for the node, and questions for the same name join: 40 connections to two workers make one look-up."""
    upstream = make_upstream(responding())
    node = make_node(workers=2, config=_resolver(name_server))
    name_server.set("one.example", "127.0.0.1", ttl=600)
    node.apply(tenant("one", [f"one.example:{upstream.port}"]))
    for _ in range(40):
        assert _get(node, "one").status == 200
    assert name_server.num_asked("one.example", A) == 1
    assert name_server.num_asked("one.example", AAAA) == 1
    assert node.admin.metrics()['weir_resolver_lookups_total{result="found"}'] == 1


def test_a_ttl_of_1_s_is_obeyed(make_node, make_upstream, name_server) -> None:
    """RFC 1035 3.2.1: the name is asked for again and again while it is in use, and followed to its new address."""
    before = make_upstream(responding(ok(b"before", "Connection: close")))
    after = make_upstream(responding(ok(b"after", "Connection: close")), host="127.0.0.2", port=before.port)
    node = make_node(config=_resolver(name_server))
    name_server.set("moves.example", "127.0.0.1", ttl=1)
    node.apply(tenant("moves", [f"moves.example:{before.port}"]))
    assert _get(node, "moves").body == b"before"
    name_server.set("moves.example", "127.0.0.2", ttl=1)
    until(lambda: _get(node, "moves").body == b"after", "the name is followed")
    name_server.wait_asked("moves.example", number=3)
    assert after.accepted > 0


def test_the_last_good_addresses_stay_while_a_look_up_fails(make_node, make_upstream, name_server) -> None:
    """RFC 8767: a server that fails, and one that is silent, takes nothing away."""
    upstream = make_upstream(responding(ok(b"ok", "Connection: close")))
    node = make_node(config=_resolver(name_server, timeout="1s"))
    name_server.set("kept.example", "127.0.0.1", ttl=1)
    node.apply(tenant("kept", [f"kept.example:{upstream.port}"]))
    assert _get(node, "kept").status == 200
    name_server.fail("kept.example")
    until(lambda: node.admin.metrics()['weir_resolver_lookups_total{result="failed"}'] >= 1, "a look-up fails")
    assert _get(node, "kept").status == 200
    name_server.be_silent("kept.example")
    failed = node.admin.metrics()['weir_resolver_lookups_total{result="failed"}']
    until(lambda: node.admin.metrics()['weir_resolver_lookups_total{result="failed"}'] > failed + 1, "and again")
    assert _get(node, "kept").status == 200


def test_a_server_that_is_silent_about_one_family_does_not_cost_the_timeout(make_node, make_upstream, name_server) -> None:
    """Some servers drop questions for AAAA: what came for A is used, long before the limit of 60 s."""
    upstream = make_upstream(responding())
    node = make_node(config=_resolver(name_server, timeout="60s"))
    name_server.set("half.example", "127.0.0.1")
    name_server.be_silent("half.example", AAAA)
    node.apply(tenant("half", [f"half.example:{upstream.port}"], upstream={"connect_timeout": "50s"}))
    assert _get(node, "half").status == 200


def test_a_node_ends_at_once_while_look_ups_hang(make_node, name_server) -> None:
    """A stop cancels them: their limit of 60 s is not waited for."""
    node = make_node(config=_resolver(name_server, timeout="60s"))
    name_server.be_silent("hang.example")
    node.apply(tenant("hang", ["hang.example:80"], upstream={"connect_timeout": "60s"}))
    client = node.connect()
    client.send(get("hang.test"))
    name_server.wait_asked("hang.example")
    begun = time.monotonic()
    node.run("drain", "--deadline", "0s")
    assert node.wait() == 0
    assert time.monotonic() - begun < 30
    client.close()


def test_the_resolver_of_the_node_file_changes_with_a_reload(make_node, make_upstream, name_server) -> None:
    """resolver is taken over while the node runs, and what was found from other servers is asked for again."""
    upstream = make_upstream(responding(ok(b"ok", "Connection: close")))
    node = make_node(config={"resolver": {"servers": ["127.0.0.1:1"], "timeout": "500ms"}})
    name_server.set("later.example", "127.0.0.1")
    node.apply(tenant("later", [f"later.example:{upstream.port}"]))
    assert _get(node, "later").status in (502, 504)
    node.config.update(_resolver(name_server))
    node.write_config()
    done = node.run("reload")
    assert done.returncode == 0 and "resolver" in done.stdout, done.stdout + done.stderr
    until(lambda: _get(node, "later").status == 200, "the name is found by the new server")


def test_the_environment_names_servers(make_node, make_upstream, name_server) -> None:
    """WEIR_RESOLVER_SERVERS."""
    upstream = make_upstream(responding())
    node = make_node(env={"WEIR_RESOLVER_SERVERS": name_server.address})
    name_server.set("env.example", "127.0.0.1")
    node.apply(tenant("env", [f"env.example:{upstream.port}"]))
    assert _get(node, "env").status == 200


def _own_etc(tmp_path) -> List[str]:
    """Run the node with files of the test's own in the place of /etc/hosts and /etc/resolv.conf."""
    return ["unshare", "-m", "sh", "-c", f'mount --bind {tmp_path}/hosts /etc/hosts && '
            f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec "$@"', "sh"]


@pytest.fixture
def own_etc(tmp_path):
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.9\n")
    if subprocess.run([*_own_etc(tmp_path), "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root: a mount namespace of its own")
    return tmp_path


def test_the_hosts_file_counts_and_is_read_again(own_etc, make_node, make_upstream) -> None:
    """/etc/hosts, as it is now."""
    before = make_upstream(responding(ok(b"before", "Connection: close")))
    make_upstream(responding(ok(b"after", "Connection: close")), host="127.0.0.2", port=before.port)
    (own_etc / "hosts").write_text("127.0.0.1 moves.example\n")
    node = make_node(wrap=_own_etc(own_etc))
    node.apply(tenant("moves", [f"moves.example:{before.port}"]))
    assert _get(node, "moves").body == b"before"
    (own_etc / "hosts").write_text("127.0.0.2 moves.example\n")
    until(lambda: _get(node, "moves").body == b"after", "the hosts file is read again")


def test_the_doctor_looks_names_up_in_the_same_way(make_node, make_upstream, name_server) -> None:
    """`weir doctor` asks the node's resolver: what servers are silent about costs its own second, and nothing else."""
    upstream = make_upstream(responding())
    node = make_node(config=_resolver(name_server, timeout="60s"))
    name_server.set("good.example", "127.0.0.1")
    name_server.be_silent("silent.example")
    node.apply(tenant("good", [f"good.example:{upstream.port}"]), tenant("none", ["none.example:80"]),
               tenant("silent", ["silent.example:80"]))
    text = node.run("doctor").stdout
    assert "1 of 3 tried were reached" in text, text
    assert name_server.num_asked("good.example") == 1 and name_server.num_asked("silent.example") >= 1
    node.run("drain", "--deadline", "0s")
    assert node.wait() == 0
