# SPDX-License-Identifier: Apache-2.0
"""check_test.py - `weir node --check` beside a running node: the check before a reload."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from support.node import Node, plain_environment, program, run_weir
from support.wait import until


def _check(node: Node):
    node.write_config()
    return run_weir("node", "--check", "--config", str(node.config_path), cwd=node.folder)


def _lines(done, word: str):
    return [line for line in done.stdout.splitlines() if line.startswith(word)]


def test_a_running_node_is_no_fault_of_its_own_file(make_node, folder: Path) -> None:
    """--check knows its own running instance: its ports, sockets and folder are not taken."""
    node = make_node(folder=folder, workers=2, listen=("127.0.0.1:0", "127.0.0.2:0"),
                     config={"admin": {"socket_ro": str(folder / "ro.sock")}})
    done = _check(node)
    assert done.returncode == 0 and not _lines(done, "fail"), done.stdout
    assert done.stdout.startswith(f"ok    running: pid {node.pid} serves {node.socket_path}")
    for text in (f"listen.http: 127.0.0.1:{node.addresses[0][1]} is held by the running node, pid {node.pid}",
                 f"listen.http: 127.0.0.2:{node.addresses[1][1]} is held by the running node, pid {node.pid}",
                 f"admin.socket: {node.socket_path} is served by the running node, pid {node.pid}",
                 f"admin.socket_ro: {folder / 'ro.sock'} is served by the running node, pid {node.pid}",
                 f"data: {node.data} is in use by the running node, pid {node.pid}"):
        assert f"ok    {text}" in done.stdout, done.stdout
    node.check_alive()


def test_what_a_reload_would_meet_is_found(make_node) -> None:
    """... the `nginx -t` that reload needs: a new listener that can be had is fine, one that is taken is not."""
    node = make_node()
    own = node.config["listen"]["http"][0]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        taken = "127.0.0.1:%d" % other.getsockname()[1]
        node.config["listen"]["http"] = [own, "127.0.0.3:0", taken]
        done = _check(node)
        assert done.returncode == 1
        assert len(_lines(done, "fail")) == 1 and f"fail  listen.http: {taken} is taken" in done.stdout
        assert node.run("reload").returncode == 1
    node.config["listen"]["http"] = [own]
    assert _check(node).returncode == 0
    assert node.run("reload").returncode == 0


def test_the_wildcard_in_place_of_an_address_of_the_running_node(make_node) -> None:
    """What a reload takes over is no fault, also where the two overlap."""
    node = make_node()
    port = node.address[1]
    node.config["listen"]["http"] = [f"0.0.0.0:{port}"]
    done = _check(node)
    assert done.returncode == 0, done.stdout
    assert node.run("reload").stdout == "reloaded: listen.http\n"
    assert _check(node).returncode == 0


def test_the_lock_of_the_data_folder_is_tested(make_node) -> None:
    """Another process has the data folder: found by the check, not first by the start."""
    first = make_node()
    second = make_node(start=False, config={"data": str(first.data)})
    done = _check(second)
    assert done.returncode == 1
    assert _lines(done, "fail") == [line for line in _lines(done, "fail") if "used by another process" in line]
    assert str(first.data) in _lines(done, "fail")[0]
    first.stop()
    assert _check(second).returncode == 0


def test_a_running_node_of_another_file_is_another_node(make_node) -> None:
    """Its ports are taken, whichever process asks."""
    first = make_node()
    second = make_node(start=False)
    second.config["listen"]["http"] = first.config["listen"]["http"]
    done = _check(second)
    assert done.returncode == 1 and "is taken" in _lines(done, "fail")[0]
    assert not _lines(done, "ok    running")


def test_a_draining_node_fails_the_check_as_it_refuses_the_reload(make_node) -> None:
    """The check and the reload say the same: the node drains, and `weir undrain` is the way out."""
    node = make_node()
    with node.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: nob")
        until(lambda: node.admin.metrics()["weir_connections_open"] == 1, "the request has begun")
        node.run("drain", "--deadline", "1h")
        done = _check(node)
        assert done.returncode == 1 and node.run("reload").returncode == 3
        line, = _lines(done, "fail  running")
        assert f"pid {node.pid}" in line and "drains" in line and "weir undrain" in line
        assert "takes this file over" not in done.stdout
        assert node.run("undrain").returncode == 0
        assert _check(node).returncode == 0 and node.run("reload").returncode == 0
        client.send(b"ody.test\r\n\r\n")
        assert client.read_response().status == 404


def test_a_node_that_does_not_respond_fails_the_check(make_node) -> None:
    """A stopped process cannot take a file over; the check ends all the same."""
    node = make_node()
    node.signal(signal.SIGSTOP)
    try:
        done = _check(node)
    finally:
        node.signal(signal.SIGCONT)
    line, = _lines(done, "fail")
    assert done.returncode == 1 and "does not report its state" in line, done.stdout


@pytest.mark.parametrize("data", ["/proc/weir-data", "{folder}/missing/data"])
def test_a_data_folder_that_cannot_be_made_fails_the_check_as_the_start(make_node, folder: Path, data: str) -> None:
    """Modes alone do not tell: procfs takes no folder, and the start makes one folder, not those above it."""
    node = make_node(start=False, folder=folder, config={"data": data.format(folder=folder)})
    done = _check(node)
    line, = _lines(done, "fail")
    assert done.returncode == 1 and line.startswith(f"fail  data: {node.config['data']} cannot be written: No such file"), done.stdout
    assert not (folder / "missing").exists()
    assert run_weir("node", "--config", str(node.config_path), cwd=folder).returncode == 1


def test_the_check_leaves_nothing_behind(make_node, folder: Path) -> None:
    """It tries to write, and takes back what it made."""
    node = make_node(start=False, folder=folder)
    node.write_config()
    before = sorted(folder.rglob("*"))
    done = _check(node)
    assert done.returncode == 0 and f"data: {node.config['data']} can be written" in done.stdout, done.stdout
    assert sorted(folder.rglob("*")) == before


def test_keys_that_need_a_restart_are_named_by_the_check(make_node, folder: Path) -> None:
    """A reload takes the rest over, with exit code 0 and a warning for each of these."""
    node = make_node(folder=folder)
    assert not _lines(_check(node), "warn  name") + _lines(_check(node), "warn  data")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = "127.0.0.1:%d" % free.getsockname()[1]
    node.config.update({"name": "other", "workers": "2", "data": str(folder / "elsewhere")})
    node.config["admin"].update({"socket_ro": str(folder / "new-ro.sock"), "listen": listen})
    done = _check(node)
    assert done.returncode == 0, done.stdout
    assert [line.split(": ")[0].split()[1] for line in _lines(done, "warn") if "needs a restart" in line] == \
        ["name", "workers", "data", "admin.socket_ro", "admin.listen"]
    reload = node.run("reload")
    assert reload.returncode == 0 and reload.stderr.count("needs a restart") == 5, reload.stderr


@pytest.mark.parametrize("target, cause", [("missing/access.log", "no such folder; create it"),
                                           ("node.yaml/access.log", "no such folder; create it"),
                                           ("fifo", "it is a FIFO that no process reads"),
                                           (".", "Is a directory")])
def test_the_cause_of_an_access_log_that_cannot_be_written_is_named(make_node, folder: Path, target: str,
                                                                    cause: str) -> None:
    """By the reload and the start alike, and by the check, which opens no FIFO: that would end its reader."""
    node = make_node(folder=folder)
    os.mkfifo(folder / "fifo")
    node.config["log"]["access"] = f"{folder}/{target}"
    want = f"log.access: {folder}/{target} cannot be written: {cause}"
    done = _check(node)
    if target != "fifo":
        assert done.returncode == 1 and [line for line in _lines(done, "fail") if want in line], done.stdout
    refused = node.run("reload")
    assert refused.returncode == 1 and want in refused.stderr, refused.stderr
    node.stop()
    start = run_weir("node", "--config", str(node.config_path), cwd=folder)
    assert start.returncode == 1 and want in start.stderr, start.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a user with and one without rights")
def test_descriptors_that_may_not_be_read_are_reported(make_node, folder: Path) -> None:
    """Descriptors of another user's process cannot be read: the check reports why it cannot be sure."""
    folder.chmod(0o777)
    node = make_node(folder=folder)
    node.write_config()
    os.chmod(node.socket_path, 0o666)
    node.config_path.chmod(0o644)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(program()), "node",
                           "--check", "--config", str(node.config_path)],
                          text=True, capture_output=True, check=False, cwd="/", env=plain_environment())
    if done.returncode < 0 or not done.stdout:
        pytest.skip("that user cannot run the program here")
    assert done.returncode == 1
    assert f"it may be the running node, pid {node.pid}" in done.stdout, done.stdout
