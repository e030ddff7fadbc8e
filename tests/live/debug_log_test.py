# SPDX-License-Identifier: Apache-2.0
"""debug_log_test.py - the log of the node at `debug` and `trace`: one connection's life, and nothing at `info`."""

import re
import shlex
from typing import Dict, List, Tuple

import pytest

from support.site import Site
from support.upstream import ok, responding
from support.wait import until

Line = Tuple[str, Dict[str, str]]
_ABOUT_CONNECTIONS = ("connection.", "request.", "origin.", "response.", "exchange.", "address.")


def _lines(text: str, level: str) -> List[Line]:
    """Events of this level about connections, with their fields."""
    lines = []
    for line in text.splitlines():
        words = line.split(" ", 3)
        if len(words) >= 3 and words[1] == level and words[2].startswith(_ABOUT_CONNECTIONS):
            fields = shlex.split(words[3]) if len(words) > 3 else []
            lines.append((words[2], dict(field.split("=", 1) for field in fields)))
    return lines


@pytest.fixture(name="site_at")
def _site_at(make_node, make_site):
    """Makes a site on a node of its own with this log level."""
    return lambda level: make_site(responding(ok(b"hello")), on=make_node(config={"log": {"level": level}}))


def _life(site: Site, ask: bytes) -> Tuple[str, List[Line]]:
    """The client's address and the lines of one connection, from accept to close."""
    mark = len(site.node.stderr)
    with site.connect() as client:
        address = "{}:{}".format(*client.socket.getsockname())
        client.ask(ask)

    def closed() -> bool:
        return any(name == "connection.closed" and fields["client"] == address
                   for name, fields in _lines(site.node.stderr[mark:], "debug"))

    until(closed, "the connection's end is logged")
    return address, [(name, fields) for name, fields in _lines(site.node.stderr[mark:], "debug")
                     if fields.get("client", address) == address]


def test_debug_logs_one_connection_in_five_lines(site_at) -> None:
    """Accepted, request, dialled, response, closed, in this order, with what an operator asks for."""
    site = site_at("debug")
    address, lines = _life(site, site.get("/a/b?secret=1"))
    assert [name for name, _ in lines] == ["connection.accepted", "request.received", "origin.dialled", "response.sent",
                                           "connection.closed"]
    accepted, request, dialled, response, closed = (fields for _, fields in lines)
    assert accepted["client"] == address and accepted["local"] == "{}:{}".format(*site.node.address)
    assert (request["tenant"], request["method"], request["host"]) == (site.name, "GET", site.host)
    assert request["path"] == "/a/b", "a query may hold secrets"
    assert dialled["endpoint"] == site.upstream.address and int(dialled["connect_us"]) >= 0
    assert (response["status"], response["bytes"], response["outcome"]) == ("200", "5", "ok")
    assert int(response["total_us"]) >= int(response["first_byte_us"]) > 0
    assert len({request["id"], dialled["id"], response["id"]}) == 1
    assert (closed["reason"], closed["requests"]) == ("client_end", "1")
    assert int(closed["received"]) == len(site.get("/a/b?secret=1")) and int(closed["sent"]) > 5


def test_debug_logs_a_reused_connection_and_a_failure(site_at) -> None:
    """A parked origin connection is reused; one that fails is named with its outcome."""
    site = site_at("debug")
    _life(site, site.get("/1"))
    _, lines = _life(site, site.get("/2"))
    assert [fields["endpoint"] for name, fields in lines if name == "origin.reused"] == [site.upstream.address]
    site.upstream.close()
    _, lines = _life(site, site.get("/3"))
    failed = [fields for name, fields in lines if name == "origin.failed"]
    assert failed and failed[-1]["outcome"] == "upstream_refused"
    assert lines[-2][1]["status"] == "502"


def test_debug_shows_hostile_bytes_escaped(site_at) -> None:
    """Outside bytes cannot forge a line or a terminal sequence."""
    site = site_at("debug")
    _, lines = _life(site, site.get("/x%0a\x7f"))
    assert all(re.fullmatch(r"[\x20-\x7e]*", value) for _, fields in lines for value in fields.values())
    assert [fields["status"] for name, fields in lines if name == "response.sent"] == ["400"]


def test_trace_logs_each_move(site_at) -> None:
    """Each move of each state machine is a line at trace."""
    site = site_at("trace")
    mark = len(site.node.stderr)
    _life(site, site.get("/"))
    moves = [(name, fields["from"], fields["to"]) for name, fields in _lines(site.node.stderr[mark:], "trace")]
    for move in (("connection.move", "head", "exchange"), ("exchange.move", "connect", "connect"),
                 ("origin.move", "connecting", "busy"), ("exchange.move", "connect", "request"),
                 ("exchange.move", "request", "response"), ("exchange.move", "response", "transfer"),
                 ("origin.move", "busy", "parked"), ("exchange.move", "transfer", "flush"),
                 ("connection.move", "exchange", "head"), ("connection.move", "head", "closed")):
        assert move in moves, move


def test_info_logs_nothing_about_connections(site_at) -> None:
    """The default level has no line of a single request."""
    site = site_at("info")
    for _ in range(3):
        assert site.fetch("/").status == 200
    site.barrier()
    for level in ("info", "debug", "trace"):
        assert _lines(site.node.stderr, level) == []


def test_latencies_are_counted_by_phase(site_at) -> None:
    """Each forwarded request is observed once in each phase that it passed, with or without records."""
    site = site_at("info")

    def counted(phase: str) -> float:
        return site.node.admin.metrics()[f'weir_request_phase_seconds_count{{phase="{phase}"}}']

    with site.connect() as client:
        for _ in range(5):
            assert client.ask(site.get("/")).status == 200
    until(lambda: counted("total") == 5, "five requests are observed")
    assert (counted("queue"), counted("connect"), counted("first_byte")) == (5, 1, 5)
