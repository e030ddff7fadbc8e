# SPDX-License-Identifier: Apache-2.0
"""monitoring_test.py - what a monitoring that must not change anything sees: admin.socket_ro and admin.metrics."""

import grp
import os
import socket
import stat
from pathlib import Path

import pytest

from support.client import fetch, get
from support.node import Admin, Node, run_weir
from support.site import tenant
from support.wait import PATIENCE, until


def _with_ro(make_node, **options) -> Node:
    folder: Path = options.pop("folder")
    return make_node(folder=folder, config={"admin": {"socket_ro": str(folder / "ro.sock")}}, **options)


def _run(folder: Path, *args: str, stdin: str = ""):
    return run_weir(*args, node=f"unix:{folder / 'ro.sock'}", cwd=folder, stdin=stdin)


def test_the_read_only_socket_reads_and_changes_nothing(make_node, folder: Path) -> None:
    """Status and get work; whatever writes is refused with a clear message, and nothing is written."""
    node = _with_ro(make_node, folder=folder)
    node.apply(tenant("shop", ["127.0.0.1:9"]))
    assert _run(folder, "status").returncode == 0
    assert "shop" in _run(folder, "get", "tenant").stdout
    assert "shop.test" in _run(folder, "get", "tenant", "shop", "-o", "yaml").stdout
    assert _run(folder, "history", "tenant", "shop").returncode == 0
    assert _run(folder, "log-level").returncode == 0
    before = node.admin.get("/v1/tenants/shop").body
    document = (folder / "t.yaml")
    document.write_text("apiVersion: weir/v1\nkind: Tenant\nname: other\nhosts: [o.test]\n"
                        "upstreams: { web: { endpoints: [ { address: '127.0.0.1:9' } ] } }\n")
    for words in (("apply", "-f", str(document)), ("delete", "tenant", "shop"), ("drain",), ("undrain",), ("reload",),
                  ("log-level", "trace"), ("log-level", "--reset"), ("rollback", "tenant", "shop", "1")):
        done = _run(folder, *words)
        assert done.returncode == 1, words
        assert "this socket only reads (admin.socket_ro)" in done.stderr, done.stderr
    assert node.admin.get("/v1/tenants/shop").body == before
    assert node.admin.get("/v1/tenants").json()["total"] == 1
    assert node.admin.get("/readyz").status == 200


def test_readers_do_not_lock_out_the_operator(make_node, folder: Path) -> None:
    """Followers over admin.socket_ro hold their connections; those over their share are refused, and admin.socket serves on."""
    node = _with_ro(make_node, folder=folder)
    held = []
    try:
        for _ in range(256):
            one = socket.socket(socket.AF_UNIX)
            one.settimeout(PATIENCE)
            one.connect(str(folder / "ro.sock"))
            one.sendall(b"GET /v1/logs?follow=1 HTTP/1.1\r\nHost: weir\r\n\r\n")
            held.append(one)
            if b" 503 " in one.recv(64):
                break
        assert len(held) == 65
        assert node.run("status").returncode == 0
    finally:
        for one in held:
            one.close()
    until(lambda: _run(folder, "status").returncode == 0, "the share is free again")


def test_a_write_is_refused_before_its_body_is_sent(make_node, folder: Path) -> None:
    """The standard error as JSON, whatever the body would be."""
    _with_ro(make_node, folder=folder)
    admin = Admin(str(folder / "ro.sock"))
    refused = admin.call("PUT", "/v1/tenants/a", b"x" * 100_000, {"Content-Type": "application/json"})
    assert (refused.status, refused.code) == (403, "read_only")
    assert admin.call("HEAD", "/v1/status").status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder to another group")
def test_the_read_only_socket_has_the_group_of_its_folder(make_node, folder: Path) -> None:
    """A monitoring user needs the group of the folder, and no right on admin.socket."""
    group = grp.getgrall()[-1].gr_gid
    os.chown(folder, -1, group)
    node = _with_ro(make_node, folder=folder)
    info = os.stat(folder / "ro.sock")
    assert (info.st_gid, stat.S_IMODE(info.st_mode)) == (group, 0o660)
    assert os.stat(node.socket_path).st_gid == os.getegid()
    node.stop()
    assert not (folder / "ro.sock").exists()


def test_a_read_only_socket_that_responds_is_not_replaced(make_node, folder: Path) -> None:
    """As for admin.socket, and by its own name."""
    _with_ro(make_node, folder=folder)
    second = make_node(start=False, config={"admin": {"socket_ro": str(folder / "ro.sock")}})
    second.spawn()
    assert second.wait() == 1
    assert f"admin.socket_ro: {folder / 'ro.sock'} is served by a running node" in second.stderr


def _metrics_address(node: Node):
    """The address that the system chose for admin.metrics."""
    text = until(lambda: [line for line in node.stderr.splitlines() if "node.started " in line], "the node starts")[-1]
    host, port = text.split(" metrics=")[1].split()[0].rsplit(":", 1)
    return host, int(port)


def test_metrics_on_an_address_of_the_operators_choice(make_node) -> None:
    """Metrics reachable on any address, and nothing but the health paths there."""
    node = make_node(config={"admin": {"metrics": "0.0.0.0:0"}})
    _, port = _metrics_address(node)
    address = ("127.0.0.2", port)
    metrics = fetch(address, get("weir", "/metrics"))
    assert metrics.status == 200 and b"weir_connections_accepted_total" in metrics.body
    assert fetch(address, get("weir", "/healthz")).status == 200
    assert fetch(address, get("weir", "/readyz")).status == 200
    for path in ("/v1/status", "/v1/tenants", "/v1/drain"):
        assert fetch(address, get("weir", path)).status == 404
    assert fetch(address, get("weir", "/v1/drain", method="POST", body=b"x")).status == 404
    assert node.admin.get("/readyz").status == 200


def test_admin_listen_is_never_in_clear(make_node) -> None:
    """admin.listen may be on any address, since it speaks TLS alone; in clear there is a 400 and nothing else."""
    node = make_node(config={"admin": {"listen": "0.0.0.0:0"}})
    found = until(lambda: [line for line in node.stderr.splitlines() if "node.started " in line], "the node starts")[-1]
    port = int(found.split(" admin=")[1].split()[0].rsplit(":", 1)[1])
    response = fetch(("127.0.0.1", port), get("weir", "/healthz"))
    assert response.status == 400 and b"TLS" in response.body
