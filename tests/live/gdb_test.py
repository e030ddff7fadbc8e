# SPDX-License-Identifier: Apache-2.0
"""gdb_test.py - the printers of deploy/gdb on structs whose values are known."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Callable, Dict

import pytest

from support.node import Node
from support.wait import until

TOP = Path(__file__).resolve().parents[2]

EXPECTED = {
    "text": r'"a \x22quoted\x22\x0a" (len 11)',
    "lost": "<5 bytes that cannot be read at 0x8> (len 5)",
    "exchange.client": "192.0.2.1:50000",
    "sessions[0].s.peer": "[2001:db8::1]:50000",
    "v4_prefix": "10.0.0.0/8",
    "v6_prefix": "2001:db8::/32",
    "empty": "list of none, or a node on no list",
    "worker->sessions": "list of 3",
    "buffer": '"built" (len 5, cap ',
    "exchange": 'exchange TRANSFER client=192.0.2.1:50000 tenant="shop" upstream="web" endpoint="origin.example:8080"'
                " status=200 tries=2 passed_bytes=4096 downstream=0x0 origin=0x0 [head_passed]",
    "sessions[0]": "h1 HEAD exchange=0x0 [] session peer=[2001:db8::1]:50000 local=192.0.2.9:443 fd=20 given=0 requests=0",
    "sessions[2]": "h1 LINGER exchange=0x0 [] <magic 0x0, not 0x53455353: freed or overwritten> session peer=",
    "origin": 'origin connection BUSY to="origin.example:8080" fd=31 exchanges=4 exchange=0x',
    "endpoint_pool": 'endpoint pool to="origin.example:8080" open=2 max=16 waiting=1 (list of 1)',
    "address_pool": 'address pool to="origin.example:8080" idle=1 (list of 1) ahead=0 open=2 min_idle=0 max_idle=8 '
                    "look-up=DONE addresses=[192.0.2.7:8080, [2001:db8::7]:8080]",
    "*worker": "worker 3 now_ms=0 sessions=3/1000 (list of 3) origins=0/0 (list of none, or a node on no list) "
               "parked=0/0 endpoint_pools=0 address_pools=0 listeners=0 [accepting]",
}


def sample() -> Path:
    """The program with the structs, of whichever build there is."""
    for preset in ("asan", "release"):
        path = TOP / "build" / preset / "tests" / "gdb-sample"
        if os.access(path, os.X_OK):
            return path
    pytest.skip("no gdb-sample in build/asan/tests or build/release/tests: build it")


def in_gdb(*commands: str) -> str:
    """What gdb prints for the commands, the sample being stopped when all of its structs have their values."""
    if shutil.which("gdb") is None:
        pytest.skip("no gdb")
    words = ["gdb", "-nx", "-batch", "-x", str(TOP / "deploy" / "gdb" / "weir_gdb.py")]
    for command in ("set confirm off", "set width 0", "break stop_here", "run", *commands, "kill"):
        words += ["-ex", command]
    environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", DEBUGINFOD_URLS="")
    done = subprocess.run([*words, str(sample())], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=environment, timeout=120, check=False)
    if "ptrace: Operation not permitted" in done.stdout:
        pytest.skip("ptrace is not allowed here")
    assert "stop_here" in done.stdout, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def printed() -> Dict[str, str]:
    """Each expression of EXPECTED with what gdb prints for it."""
    commands = []
    for expression in [*EXPECTED, "broken"]:
        commands += [f"echo \\n{expression}\\t", f"output {expression}"]
    found = {}
    for line in in_gdb(*commands, "echo \\n").split("\n"):
        expression, tab, value = line.partition("\t")
        if tab:
            found[expression] = value
    return found


@pytest.mark.parametrize("expression", EXPECTED)
def test_struct_is_printed_as_what_it_means(printed: Dict[str, str], expression: str) -> None:
    shown = printed[expression]
    assert shown[:len(EXPECTED[expression])] == EXPECTED[expression], shown


def test_list_whose_node_does_not_point_back_is_reported(printed: Dict[str, str]) -> None:
    assert printed["broken"].startswith("list of 0, then broken: the node 0x")
    assert printed["broken"].endswith("does not point back")


def test_trace_command_shows_the_last_events_oldest_first() -> None:
    lines = in_gdb("weir-trace").split("\n")
    start = lines.index("64 of 70 events, now_ms=77")
    assert lines[start + 1] == "  6 at_ms=77 even.event a=6 b=1006"
    assert lines[start + 64] == "  69 at_ms=77 odd.event a=69 b=1069"


def test_list_command_prints_each_struct_on_the_list() -> None:
    out = in_gdb("weir-list worker->sessions weir_session_h1 s.link")
    for state in ("HEAD", "EXCHANGE", "LINGER"):
        assert len(re.findall(rf"h1 {state} .*peer=\[2001:db8::1\]:50000", out)) == 1


def test_workers_command_finds_the_clients_of_a_running_node(make_node: Callable[..., Node]) -> None:
    if shutil.which("gdb") is None:
        pytest.skip("no gdb")
    node = make_node(workers=1)
    with socket.create_connection(node.address) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")  # an unfinished head
        until(lambda: node.admin.metrics()["weir_connections_open"] == 1, "the connection is accepted")
        done = subprocess.run(
            ["gdb", "-nx", "-batch", "-x", str(TOP / "deploy" / "gdb" / "weir_gdb.py"), "-p", str(node.pid),
             "-ex", "set width 0", "-ex", "weir-workers",
             "-ex", "weir-list $worker0->sessions weir_session_h1 s.link", "-ex", "detach"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
            env=dict(os.environ, DEBUGINFOD_URLS=""))
        if "Operation not permitted" in done.stdout:
            pytest.skip("ptrace is not allowed here")
        assert re.search(r"^\$worker0 = 0x[0-9a-f]+ worker 0 .* sessions=1/\d+ \(list of 1\)", done.stdout, re.M), done.stdout
        address, port = client.getsockname()[:2]
        assert f"session peer={address}:{port} local={address}:{node.address[1]}" in done.stdout, done.stdout


def test_list_command_names_a_member_that_is_not_there() -> None:
    assert "struct weir_session_h1 has no member s.nowhere" in in_gdb("weir-list empty weir_session_h1 s.nowhere")
