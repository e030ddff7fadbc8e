# SPDX-License-Identifier: Apache-2.0
"""operate_test.py - a node in the hands of its operator: starting, ending, logs, and disks that are damaged or full."""

import base64
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence

import pytest
import yaml

from support.client import End, fetch, get
from support.node import Node, program, run_weir
from support.site import Site, tenant
from support.slow import Slow, begin_slow
from support.upstream import ok, pause, responding
from support.wait import PATIENCE, until


def _expect_no_start(node: Node, *words: str) -> str:
    """The node ends with 1, and the last line of its stderr gives the reason in these words."""
    node.spawn()
    assert node.wait() == 1
    node.check_report()
    last = node.stderr.rstrip("\n").splitlines()[-1]
    for word in words:
        assert word in last, node.stderr
    return last


def _listener() -> socket.socket:
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(1)
    return one


def _nobody(*command: str) -> List[str]:
    """Run as a user without rights, when the tests run as root."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]


# -- starting


def test_a_port_that_is_taken(make_node) -> None:
    """Clear start-up errors: what is taken, and how to find who has it."""
    with _listener() as other:
        port = other.getsockname()[1]
        node = make_node(start=False, listen=(f"127.0.0.1:{port}",))
        _expect_no_start(node, "listen.http", f"127.0.0.1:{port} is taken", "ss -ltnp")


def test_a_port_that_another_weir_has(make_node) -> None:
    """SO_REUSEPORT lets workers share a port, and never two nodes."""
    first = make_node()
    second = make_node(start=False, listen=(f"127.0.0.1:{first.address[1]}",))
    _expect_no_start(second, f"127.0.0.1:{first.address[1]} is taken")
    assert fetch(first.address, get("nobody.test")).status == 404


def test_an_address_of_another_host(make_node) -> None:
    """Clear start-up errors: an address that this host does not have."""
    node = make_node(start=False, listen=("192.0.2.1:80",))
    _expect_no_start(node, "192.0.2.1:80", "not an address of this host")


def test_a_data_folder_that_another_weir_has(make_node) -> None:
    """Two nodes never own one folder."""
    first = make_node()
    second = make_node(start=False, config={"data": str(first.data)})
    _expect_no_start(second, str(first.data), "used by another process")
    assert first.admin.get("/readyz").status == 200


def test_an_admin_socket_that_responds(make_node) -> None:
    """A socket of a running node is not taken from it; one without a process behind it is replaced."""
    first = make_node()
    second = make_node(start=False, config={"admin": {"socket": first.socket_path}})
    _expect_no_start(second, first.socket_path, "served by a running node")
    assert first.admin.get("/readyz").status == 200
    first.kill()
    assert os.path.exists(first.socket_path)
    first.start()


def test_a_file_in_the_sockets_place_is_left_alone(make_node) -> None:
    """Clear start-up errors: weir removes nothing that is not a socket."""
    node = make_node(start=False)
    Path(node.socket_path).write_text("precious")
    _expect_no_start(node, "exists and is no socket")
    assert Path(node.socket_path).read_text() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a user with and one without rights")
def test_a_port_that_needs_a_right(make_node, folder: Path) -> None:
    """Clear start-up errors: which right is missing, and how to give it."""
    start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if start <= 81:
        pytest.skip("ports below 1024 are free for all here")
    folder.chmod(0o777)
    node = make_node(start=False, folder=folder, listen=("127.0.0.1:81",), wrap=_nobody())
    (folder / "stderr.log").touch()
    _expect_no_start(node, "127.0.0.1:81", "cap_net_bind_service")


def test_a_data_folder_without_permission(make_node, folder: Path) -> None:
    """Clear start-up errors: whose the folder has to be."""
    inner = folder / "no"
    inner.mkdir(mode=0o500)
    folder.chmod(0o777)
    node = make_node(start=False, folder=folder, config={"data": str(inner / "data")}, wrap=_nobody())
    line = _expect_no_start(node, str(inner / "data"))
    assert "user" in line


@pytest.mark.parametrize("text,words", [
    ("listen: { htp: [] }\n", ["3:", "htp", 'did you mean "http"']),
    ("listen: { http: [nonsense] }\n", ["nonsense"]),
    ("workers: many\n", ["workers", "many"]),
    ("cluster: { name: edge }\n", ["cluster", "not supported by this version"]),
    ("listen: { http: ['127.0.0.1:0'], tcp: ['127.0.0.1:0'] }\n", ["listen.tcp", "not supported by this version"]),
    ("limits: { store: 1KiB }\n", ["limits.store", "1KiB", "1MiB"]),
    ("limits: { connections: 0 }\n", ["limits.connections", "0"]),
    ("log: { level: loud }\n", ["log.level", "loud"]),
    ("trusted_proxies: [10.0.0.0/33]\n", ["trusted_proxies", "10.0.0.0/33"]),
    ("admin: { listen: '0.0.0.0' }\n", ["admin.listen", "0.0.0.0"]),
    ("admin: { tls: { certificate: /c, key: /k } }\n", ["admin.tls", "admin.listen"]),
    ("a: [\n", [":"]),
])
def test_a_bad_file(folder: Path, text: str, words: Sequence[str]) -> None:
    """What is wrong in the node file is named with its place; nothing is started or made."""
    path = folder / "node.yaml"
    path.write_text(f"apiVersion: weir/v1\nkind: Node\n{text}")
    for arguments in (("node", "--config", str(path)), ("node", "--check", "--config", str(path))):
        done = run_weir(*arguments, cwd=folder)
        assert done.returncode == 1
        assert str(path) in done.stderr
        for word in words:
            assert word in done.stderr, done.stderr
    assert sorted(os.listdir(folder)) == ["node.yaml"]


def test_all_errors_of_a_node_file_at_once(folder: Path) -> None:
    """Errors: all errors of a file at once, of the node's own as well."""
    path = folder / "node.yaml"
    path.write_text("apiVersion: weir/v1\nkind: Node\nnam: x\nworkers: many\nlisten: { http: ['1.2.3.4'] }\n")
    done = run_weir("node", "--config", str(path))
    assert done.returncode == 1
    for word in ('did you mean "name"', "many", "1.2.3.4"):
        assert word in done.stderr


def test_files_that_are_no_node_files(folder: Path) -> None:
    """A missing file, a folder, nothing at all, a tenant, and far too much."""
    (folder / "empty").write_text("")
    (folder / "tenant").write_text(yaml.safe_dump(tenant("a", ["127.0.0.1:9"])))
    (folder / "huge").write_text("#" * 2_000_000)
    for name in ("missing", ".", "empty", "tenant", "huge"):
        done = run_weir("node", "--config", str(folder / name))
        assert done.returncode == 1 and done.stderr, name


def test_check_reads_and_changes_nothing(make_node) -> None:
    """`weir node --check` validates the file and the host and exits."""
    node = make_node(start=False)
    node.write_config()
    done = run_weir("node", "--check", "--config", str(node.config_path))
    assert done.returncode == 0 and "fail" not in done.stdout, done.stdout
    assert not node.data.exists()
    with _listener() as other:
        node.config["listen"]["http"] = ["127.0.0.1:%d" % other.getsockname()[1]]
        node.write_config()
        done = run_weir("node", "--check", "--config", str(node.config_path))
        assert done.returncode == 1 and "is taken" in done.stdout


def test_the_environment_overrides_the_file(make_node) -> None:
    """Any value can be overridden by an environment variable."""
    node = make_node(env={"WEIR_NAME": "from-env", "WEIR_WORKERS": "2"})
    one, = node.admin.get("/v1/status").json()["nodes"]
    assert (one["name"], one["workers"]) == ("from-env", 2)
    bad = make_node(start=False, env={"WEIR_LIMITS_CONNECTIONS": "few"})
    _expect_no_start(bad, "WEIR_LIMITS_CONNECTIONS", "few")


def test_a_container_needs_no_file(folder: Path) -> None:
    """So that a container needs no file."""
    socket_path = folder / "s"
    env = {"WEIR_LISTEN_HTTP": "127.0.0.1:0", "WEIR_DATA": str(folder / "data"), "WEIR_ADMIN_SOCKET": str(socket_path),
           "WEIR_LOG_ACCESS": "off", "PATH": os.environ["PATH"]}
    with subprocess.Popen([str(program()), "node"], env=env, stderr=subprocess.DEVNULL) as process:
        def ready() -> bool:
            assert process.poll() is None
            return run_weir("status", node=f"unix:{socket_path}").returncode == 0

        until(ready, "the node serves")
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_other_variables_do_not_matter(make_node) -> None:
    """What else is in the environment, of an orchestrator or the client half, prevents no node from starting."""
    node = make_node(env={"WEIR_SERVICE_HOST": "10.0.0.1", "WEIR_PORT_80_TCP": "tcp://10.0.0.1:80", "WEIR_TOKEN": "x",
                          "WEIR_NODE": "unix:/nowhere"})
    assert node.admin.get("/readyz").status == 200


# -- descriptors


def test_the_descriptor_limit_is_raised(make_node) -> None:
    """A low descriptor limit is raised by the node itself, as far as it may."""
    node = make_node(wrap=["prlimit", "--nofile=64:4096"])
    soft, hard = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)
    assert soft == hard >= 4096


def test_running_out_of_descriptors(make_node, make_site) -> None:
    """Robustness, EMFILE: with nobody idle at the limit the node stops accepting instead of spinning, and goes on when there is
    room."""
    node = make_node(wrap=["prlimit", "--nofile=560:560"], config={"limits": {"connections": 1000}})
    if resource.prlimit(node.pid, resource.RLIMIT_NOFILE)[0] > 560:
        pytest.skip("this user may raise the hard limit")
    assert "few_descriptors" in node.stderr
    site = make_site(on=node, redirects=[{"path": "/r", "to": {"path": "/x"}}])
    clients = [node.connect() for _ in range(700)]
    head, rest = site.get("/r")[:-2], site.get("/r")[-2:]
    for client in clients:
        client.send(head)
    before = _cpu_seconds(node)
    pause(1.0)
    assert _cpu_seconds(node) - before < 0.6, "the node spins while it cannot accept"
    assert clients[-1].is_silent(), "there were more descriptors than the limit allows"
    for client in clients[:300]:
        client.close()
    assert clients[300].ask(rest).status == 301
    for client in clients[300:]:
        client.close()
    until(lambda: _responds(node, site), "the node serves again")


def test_too_few_descriptors_to_run(make_node) -> None:
    """Clear start-up errors: how many are there, how many are needed, and where to raise them."""
    node = make_node(start=False, wrap=["prlimit", "--nofile=64:64"])
    node.spawn()
    if node.wait() == 0:
        pytest.skip("this user may raise the hard limit")
    assert "64 file descriptors are too few" in node.stderr


def _responds(node: Node, site: Site) -> bool:
    try:
        with node.connect(2) as client:
            return client.ask(site.get("/r")).status == 301
    except AssertionError:
        return False


def _cpu_seconds(node: Node) -> float:
    fields = Path(f"/proc/{node.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_drain_lets_a_running_exchange_finish(make_node, make_site, number: int) -> None:
    """Graceful drain: no new connections, idle ones end, what runs is finished, then status 0."""
    script = Slow()
    node = make_node()
    site = make_site(script, on=node)
    idle = site.connect()
    idle.ask(site.get("/quick"))
    running = begin_slow(site)
    address = node.address
    node.signal(number)
    assert idle.expect_end() is End.CLEAN
    until(lambda: _is_refused(address), "new connections are refused")
    assert node.process and node.process.poll() is None
    script.go.set()
    assert running.read_bytes(4) == b"late"
    assert running.expect_end() is End.CLEAN
    assert node.wait() == 0
    node.check_report()


def _is_refused(address: Any) -> bool:
    try:
        socket.create_connection(address, 1).close()
        return False
    except TimeoutError:
        return False  # a listener that leaves ignores who comes in the instant before it closes
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def test_a_drain_finishes_an_upload_and_sends_close(make_node, make_site) -> None:
    """RFC 9112 9.6: the last response carries close, and the request's body is taken to its end."""
    node = make_node()
    site = make_site(on=node)
    with site.connect() as client:
        client.send(f"POST /up HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: 10\r\n\r\nhello".encode())
        until(lambda: site.upstream.received(), "the body begins at the upstream")
        address = node.address
        node.signal(signal.SIGTERM)
        until(lambda: _is_refused(address), "the node drains")
        client.send(b"world")
        response = client.read_response()
        assert (response.status, response.get("Connection")) == (200, b"close")
        client.expect_end()
    assert site.upstream.requests[0].body == b"helloworld"
    assert node.wait() == 0


def test_a_second_signal_does_not_wait(make_node, make_site) -> None:
    """A second signal means "do not wait": what runs is cut, visibly, and the status is 0 all the same."""
    node = make_node()
    site = make_site(Slow(), on=node)
    running = begin_slow(site)
    address = node.address
    node.signal(signal.SIGTERM)
    until(lambda: _is_refused(address), "the node drains")
    node.signal(signal.SIGTERM)
    assert node.wait() == 0
    assert running.read_to_end() == b"la"
    node.check_report()


def test_a_drain_has_a_deadline(make_node, make_site) -> None:
    """drain --deadline: what still runs then is cut."""
    node = make_node()
    site = make_site(Slow(), on=node)
    running = begin_slow(site)
    assert node.run("drain", "--deadline", "300ms").returncode == 0
    assert node.wait() == 0
    assert running.read_to_end() == b"la"
    node.check_report()


def test_readyz_shows_that_a_node_drains(make_node, make_site) -> None:
    """/readyz is 503 while draining, so that balancers send nothing more; /healthz stays 200."""
    script = Slow()
    node = make_node()
    site = make_site(script, on=node)
    running = begin_slow(site)
    node.signal(signal.SIGTERM)
    until(lambda: node.admin.get("/readyz").status == 503, "/readyz responds with 503")
    assert node.admin.get("/healthz").status == 200
    assert node.admin.get("/v1/status").json()["nodes"][0]["state"] == "draining"
    script.go.set()
    assert running.read_bytes(4) == b"late"
    assert node.wait() == 0


def test_connections_in_the_backlog_are_served(make_node, make_site) -> None:
    """A rolling restart loses nothing: a client that was connected before the end is served or closed in order."""
    node = make_node()
    site = make_site(on=node)
    for number in (1, 50, 200, 200, 200):
        clients = [node.connect() for _ in range(number)]
        for client in clients:
            client.send(site.get("/"))
        node.signal(signal.SIGTERM)
        assert [client.read_response().status for client in clients] == [200] * number
        assert node.wait() == 0
        node.start()


# -- logs


def test_the_access_log_is_reopened_after_a_rename(make_node, make_site) -> None:
    """Log reopening; no record is lost, none is written twice."""
    node = make_node()
    site = make_site(on=node)
    files = [node.access_path]
    for number, signal_number in enumerate((signal.SIGHUP, signal.SIGUSR1)):
        with site.connect() as client:
            for part in range(50):
                client.ask(site.get(f"/{number}-{part}"))
        moved = node.folder / f"access.log.{number}"
        node.access_path.rename(moved)
        files.append(moved)
        node.signal(signal_number)
        until(node.access_path.exists, "the log is opened anew")
    site.fetch("/last")
    node.wait_record(path="/last")
    paths = [json.loads(line)["path"] for file in files for line in file.read_text().splitlines()]
    wanted = [path for path in paths if "-" in path]
    assert sorted(wanted) == sorted(f"/{number}-{part}" for number in range(2) for part in range(50))


def test_a_log_that_cannot_be_written(make_node) -> None:
    """Clear start-up errors: the access log."""
    node = make_node(start=False, config={"log": {"access": "/nowhere/access.log"}})
    _expect_no_start(node, "log.access", "/nowhere/access.log")


def test_a_full_log_disk_stops_nothing(make_node, make_site) -> None:
    """Rule 15: a log that takes no bytes costs records, counted, and no request."""
    node = make_node(config={"log": {"access": "/dev/full"}})
    site = make_site(on=node)
    with site.connect() as client:
        for _ in range(200):
            assert client.ask(site.get("/")).status == 200
    lost = [name for name in node.admin.metrics() if "access" in name and ("lost" in name or "dropped" in name)]
    assert lost, "a metric counts lost records"
    until(lambda: node.admin.metrics()[lost[0]] > 0, "lost records are counted")


def test_the_access_log_to_stdout_and_off(make_node, make_site, folder: Path) -> None:
    """log.access: stdout, a file, or "off"."""
    off = make_node(config={"log": {"access": "off"}})
    assert make_site(on=off).fetch("/").status == 200
    assert not off.access_path.exists()
    out = folder / "out"
    node = make_node(config={"log": {"access": "stdout"}}, wrap=["sh", "-c", f'exec "$@" >{out}', "sh"])
    assert make_site(on=node).fetch("/to-stdout").status == 200
    until(lambda: "/to-stdout" in out.read_text(), "the record is on stdout")
    assert all(json.loads(line) for line in out.read_text().splitlines())


# -- the store


def _push_some(node: Node, number: int) -> Dict[str, Any]:
    documents = {f"t{n}": tenant(f"t{n}", ["127.0.0.1:9"], redirects=[{"path": "/", "to": {"host": f"to{n}.test"}}])
                 for n in range(number)}
    node.apply(*documents.values())
    return documents


def _leads_to(node: Node, name: str) -> bytes:
    return fetch(node.address, get(f"{name}.test")).get("Location") or b""


def test_a_restart_loses_nothing(make_node) -> None:
    """Design: the store is the read path: tenants, revisions, history, and what is served from them."""
    node = make_node()
    _push_some(node, 20)
    for number in range(5):
        node.apply(tenant("t1", ["127.0.0.1:9"], hosts=["t1.test", f"v{number}.test"],
                          redirects=[{"path": "/", "to": {"host": "to1.test"}}]))
    node.run("delete", "tenant", "t2")
    paths = ["/v1/tenants?limit=1000", "/v1/tenants/t1", "/v1/tenants/t1/history", "/v1/tenants/t2/history"]
    before = [node.admin.get(path).json() for path in paths]
    lane = node.admin.get("/v1/status").json()["nodes"][0]["lane"]
    for _ in range(2):
        node.restart()
        assert [node.admin.get(path).json() for path in paths] == before
        assert b"to7.test" in _leads_to(node, "t7")
        assert fetch(node.address, get("t2.test")).status == 404
        assert node.admin.get("/v1/status").json()["nodes"][0]["lane"] == lane
    assert node.run("rollback", "tenant", "t1", "1").returncode == 0


def _garbage(path: Path, first: int, last: int, seed: int) -> None:
    """Overwrite bytes at the given parts of the file."""
    with open(path, "r+b") as file:
        file.seek(first)
        file.write(random.Random(seed).randbytes(last - first))


def _pages(path: Path, numbers: Sequence[int], seed: int) -> None:
    for number in numbers:
        if (number + 1) * 4096 <= path.stat().st_size:
            _garbage(path, number * 4096, (number + 1) * 4096, seed + number)


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "both metas": lambda path: _pages(path, (0, 1), 1),
    "one meta": lambda path: _pages(path, (0,), 2),
    "a page in the middle": lambda path: _pages(path, (path.stat().st_size // 8192,), 3),
    "every fifth page": lambda path: _pages(path, range(2, path.stat().st_size // 4096, 5), 4),
    "all but the metas": lambda path: _garbage(path, 8192, path.stat().st_size, 5),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut to an odd length": lambda path: os.truncate(path, path.stat().st_size - 5000),
    "cut to one page": lambda path: os.truncate(path, 4096),
    "empty": lambda path: os.truncate(path, 0),
    "a text": lambda path: path.write_text("hello\n" * 10_000) and None,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)) and None,
    "single bytes": lambda path: [_garbage(path, at, at + 1, at) for at in range(9000, path.stat().st_size, 9973)] and None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store(make_node, damage: str) -> None:
    """A damaged file is moved aside with a loud message; the node starts, serves what can be read, and
    nothing that it serves is wrong; new pushes are stored."""
    node = make_node()
    _push_some(node, 60)
    node.stop()
    DAMAGES[damage](node.data / "conf.mdb")
    node.start()
    served = 0
    for number in range(60):
        location = _leads_to(node, f"t{number}")
        assert location in (b"", f"http://to{number}.test:{node.address[1]}/".encode(),
                            f"http://to{number}.test/".encode()), location
        served += location != b""
    listed = [item["name"] for item in node.admin.get("/v1/tenants?limit=1000").json().get("items", [])]
    assert len(listed) >= served
    if served < 60:
        assert "damaged" in node.stderr or "corrupt" in node.stderr, node.stderr[-2000:]
    node.apply(tenant("after", ["127.0.0.1:9"], redirects=[{"path": "/", "to": {"host": "new.test"}}]))
    until(lambda: b"new.test" in _leads_to(node, "after"), "a push after the damage is live")
    node.restart()
    assert b"new.test" in _leads_to(node, "after")
    assert node.run("doctor").stdout


def test_a_damaged_store_is_moved_aside_and_named(make_node) -> None:
    """... moved aside: the bytes are not thrown away, and the log names both files."""
    node = make_node()
    _push_some(node, 60)
    node.stop()
    _pages(node.data / "conf.mdb", (0, 1), 9)
    broken = (node.data / "conf.mdb").read_bytes()
    node.start()
    aside = list(node.data.glob("conf.mdb.damaged-*"))
    assert len(aside) == 1 and aside[0].read_bytes() == broken
    assert aside[0].name in node.stderr and " error " in node.stderr


def _fill(node: Node) -> int:
    """Push tenants until the store takes no more; how many it took."""
    for number in range(100_000):
        response = node.admin.put(f"f{number}", {"name": f"f{number}", "hosts": [f"f{number}.test"], "upstreams": {
            "web": {"endpoints": [{"address": "127.0.0.1:9"}]}}, "error_pages": {"502": {"body": _page()}}})
        if response.status != 201:
            assert (response.status, response.code) == (507, "full"), response.body
            return number
    raise AssertionError("a small store is never full")


def _page() -> str:
    return base64.b64encode(b"x" * 2000).decode()


def test_a_full_store(make_node, make_site) -> None:
    """Writes are refused with a clear error at 80 %; deletes, reads and traffic go on, and make room."""
    node = make_node(config={"limits": {"store": "1MiB"}})
    site = make_site(on=node)
    number = _fill(node)
    assert number > 20
    refused = node.run("apply", "-f", "-", stdin=_yaml("one-more"))
    assert refused.returncode == 1 and "the store is full" in refused.stderr and "limits.store" in refused.stderr
    assert site.fetch("/").status == 200
    assert node.admin.get("/v1/tenants/f1").status == 200
    assert node.admin.get("/v1/status").json()["nodes"][0]["warnings"]
    node.restart()
    assert fetch(node.address, site.get("/")).status == 200
    assert node.admin.put("again", {"name": "again", "hosts": ["again.test"]}).status == 507
    for gone in range(number):
        assert node.admin.call("DELETE", f"/v1/tenants/f{gone}").status == 200, "deletes go on in a full store"
    assert node.admin.get("/v1/tenants").json()["total"] == 1


def _yaml(name: str) -> str:
    return yaml.safe_dump(tenant(name, ["127.0.0.1:9"], error_pages={"502": {"body": "x" * 3000}}))


def test_a_full_store_takes_pushes_again_when_it_is_larger(make_node) -> None:
    """The operator's way out: more room in the file of the node."""
    node = make_node(config={"limits": {"store": "1MiB"}})
    number = _fill(node)
    node.stop()
    node.config["limits"]["store"] = "16MiB"
    node.start()
    assert node.admin.put("again", {"name": "again", "hosts": ["again.test"]}).status == 201
    assert node.admin.get("/v1/tenants").json()["total"] == number + 1


def _on_small_disk(data: Path, size: str, before: str = "true") -> List[str]:
    """A wrapper: the data folder lies on a file system of its own."""
    data.mkdir(mode=0o700)
    script = f'mount -t tmpfs -o size={size},mode=700 none {data} && {{ {before}; }} && exec "$@"'
    wrapper = ["unshare", "-Urm", "sh", "-c", script, "sh"]
    if not shutil.which("unshare") or subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this host lets nobody mount a small file system")
    return wrapper


def test_a_full_disk(make_node, make_site, folder: Path) -> None:
    """Pushes are refused as for a full store, traffic goes on, and nothing acknowledged is lost."""
    node = make_node(folder=folder, wrap=_on_small_disk(folder / "data", "2m"))
    site = make_site(on=node)
    number = _fill(node)
    assert number > 20
    for _ in range(3):
        assert node.admin.put("more", {"name": "more", "hosts": ["more.test"], "error_pages": {
            "502": {"body": _page()}}}).status == 507
        assert site.fetch("/").status == 200
    refused = node.run("apply", "-f", "-", stdin=_yaml("one-more"))
    assert refused.returncode == 1 and "the disk is full" in refused.stderr, "the cause is not limits.store: " + refused.stderr
    assert 'err="No space left on device" errno=28' in node.stderr
    assert "Input/output error" not in node.stderr
    counts = node.admin.metrics()
    assert counts["weir_store_write_errors_total"] >= 5 and counts['weir_store_writes_refused_total{reason="full"}'] == 0, \
        "a full disk is a fault, and no refusal"
    assert node.admin.get("/v1/tenants").json()["total"] == number + 1
    assert node.admin.get(f"/v1/tenants/f{number - 1}").status == 200
    node.check_alive()


def test_a_start_on_a_full_disk(make_node, folder: Path) -> None:
    """Clear start-up errors: a disk without room is named, and is no crash."""
    data = folder / "data"
    wrap = _on_small_disk(data, "64k", f"head -c 100000 /dev/zero >{data}/filler || true")
    node = make_node(start=False, folder=folder, wrap=wrap)
    line = _expect_no_start(node, str(data))
    assert "full" in line or "room" in line


def test_many_restarts_under_traffic(make_node, make_site) -> None:
    """Nothing is left behind by a start or an end: descriptors, files, sockets, readers of the store."""
    node = make_node()
    site = make_site(responding(ok(b"x")), on=node)
    for _ in range(15):
        with site.connect() as client:
            assert client.ask(site.get("/")).status == 200
        node.restart()
        assert fetch(node.address, site.get("/")).status == 200
    assert sorted(path.name for path in node.data.iterdir()) == ["conf.mdb", "conf.mdb-lock", "lock", "secret"]
    assert len(os.listdir(f"/proc/{node.pid}/fd")) < 60
