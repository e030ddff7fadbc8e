# SPDX-License-Identifier: Apache-2.0
"""hostile_request_test.py - what weir refuses, what it passes on, and that neither can be read in two ways."""

import pytest

from hostile_request_cases import IN_SYNC, REFUSED, Refused, chunked, head
from passed_request_cases import PASSED, Passed
from support.client import End
from support.message import Response
from support.site import Site
from support.upstream import normalised, ok, responding


@pytest.fixture(scope="module")
def site(make_module_site) -> Site:
    return make_module_site(responding(ok(b"served")))


@pytest.fixture(autouse=True)
def _forget(site: Site) -> None:
    site.upstream.forget()


def _for(site: Site, data: bytes) -> bytes:
    return data.replace(b"<host>", site.host.encode())


def _smuggled(site: Site) -> bytes:
    return site.get("/smuggled")


def _check_refusal(response: Response, case: Refused) -> None:
    assert response.status == case.status, response.head
    assert response.get("Connection") == b"close"
    assert response.get("X-Request-ID"), "a response of weir's own carries X-Request-ID"
    assert response.get("Content-Length") is not None


def _check_upstream(site: Site, case: Refused, before: bytes = b"") -> None:
    """Only what was sent before, and a good request now, have reached the upstream."""
    assert site.fetch("/good").body == b"served", "the node serves others afterwards"
    if not case.in_body:
        assert normalised(site.upstream.received()) == before + site.forwarded("/good")
        return
    # A head and a part of a body may be on their way when the fault comes: as a request that never ends.
    complete = [request.target for request in site.upstream.requests]
    assert complete == (["/before"] if before else []) + ["/good"]
    assert b"smuggled" not in site.upstream.received()
    for conn in site.upstream.connections:
        if b"/hostile" in conn.received:
            site.upstream.wait_ended(conn)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused_once_and_never_forwarded(site: Site, case: Refused) -> None:
    """Design, Strictness: what could be read two ways is refused, the connection ends, and no byte is forwarded."""
    with site.connect() as client:
        client.send(_for(site, case.data))
        client.send(_smuggled(site))
        _check_refusal(client.read_response(), case)
        client.expect_end()
    _check_upstream(site, case)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused_in_one_segment_behind_a_good_request(site: Site, case: Refused) -> None:
    """RFC 9112 9.3.2: requests before a refused one in the pipeline are served first; those behind it are not."""
    with site.connect() as client:
        client.send(site.get("/before") + _for(site, case.data) + _smuggled(site))
        assert client.read_response().body == b"served"
        _check_refusal(client.read_response(), case)
        client.expect_end()
    _check_upstream(site, case, before=site.forwarded("/before"))


@pytest.mark.parametrize("case", [case for case in REFUSED if case.split], ids=lambda case: case.name)
def test_refused_alike_however_it_is_split(site: Site, case: Refused) -> None:
    """The result depends on the bytes alone, not on the segments in which they come."""
    data = _for(site, case.data) + _smuggled(site)
    end = len(_for(site, case.data))
    for at in range(1, min(end, 400)):
        with site.connect() as client:
            client.send(data[:at])
            site.barrier()
            client.send(data[at:])
            _check_refusal(client.read_response(), case)
            client.expect_end()
    with site.connect() as client:
        client.send_parts([data[at:at + 1] for at in range(min(end, 400))])
        client.send(data[min(end, 400):])
        _check_refusal(client.read_response(), case)
        client.expect_end()
    assert b"smuggled" not in site.upstream.received()
    _check_upstream(site, case)


@pytest.mark.parametrize("case", IN_SYNC, ids=lambda case: case.name)
def test_refused_by_a_rule_of_the_site_in_sync(site: Site, case: Refused) -> None:
    """RFC 9112 9.3: where the framing is in no doubt the connection may go on; a request inside a body never is one."""
    with site.connect() as client:
        client.send(_for(site, case.data) + site.get("/next"))
        response = client.read_response()
        assert response.status == case.status
        if response.get("Connection") != b"close":
            assert client.read_response().body == b"served"
            assert normalised(site.upstream.received()) == site.forwarded("/next")
            site.upstream.forget()
            client.finish()
        client.expect_end()
    _check_upstream(site, case)


@pytest.mark.parametrize("case", PASSED, ids=lambda case: case.name)
def test_passed_on_as_exactly_these_bytes(site: Site, case: Passed) -> None:
    """Rule 1: a head is written anew from what was parsed, and there is one way to write it."""
    with site.connect() as client:
        response = client.ask(_for(site, case.data))
        assert (response.status, response.body) == (200, b"served")
        if case.ends:
            assert client.expect_end() is End.CLEAN
        else:
            assert client.ask(site.get("/next")).body == b"served"
    expected = site.forwarded(case.target, *case.fields, method=case.method, framing=case.framing, body=case.body,
                              forwarded_for=case.forwarded_for, via=case.via,
                              authority=case.authority.replace("<host>", site.host))
    if not case.ends:
        expected += site.forwarded("/next")
    assert normalised(site.upstream.received()) == expected


@pytest.mark.parametrize("case", [case for case in PASSED if case.framing or case.name == "plain"],
                         ids=lambda case: case.name)
def test_passed_on_alike_byte_by_byte(site: Site, case: Passed) -> None:
    """A request with a body means the same whether it comes whole or in single bytes."""
    data = _for(site, case.data)
    with site.connect() as client:
        client.send_parts([data[at:at + 1] for at in range(len(data))])
        assert client.read_response().body == b"served"
    request, = site.upstream.requests
    assert (request.method, request.target) == (case.method, case.target)
    assert request.body == (b"0123456789" if b"0123456789" in case.body else b"hello" if b"hello" in case.body else b"")


@pytest.mark.parametrize("refuse", ["keep", "refuse"])
def test_underscores_as_the_tenant_configures(make_site, refuse: str) -> None:
    """headers.underscores: keep passes such names on, refuse responds with 400 and forwards nothing."""
    site = make_site(headers={"underscores": refuse})
    response = site.fetch("/u", "X_Custom: 1")
    if refuse == "refuse":
        assert response.status == 400
        assert site.upstream.received() == b""
    else:
        assert normalised(site.upstream.received()) == site.forwarded("/u", "X_Custom: 1")


@pytest.mark.parametrize("limit, number, status", [(256, 256, 200), (256, 257, 431), (20, 20, 200), (20, 21, 431)])
def test_fields_of_a_request_as_many_as_the_tenant_allows(make_site, limit: int, number: int, status: int) -> None:
    """http.max_fields: 128 unless the tenant says otherwise, up to 256; beyond it 431 and the end of the connection."""
    site = make_site(http={"max_fields": limit})
    with site.connect() as client:
        response = client.ask(_for(site, head(*(b"X-%d: y" % n for n in range(number - 1)))))
        assert response.status == status
        if status == 431:
            client.expect_end()
    received = site.upstream.received()
    assert (b"X-%d: y" % (number - 2) in received) == (status == 200), "all are passed on, or nothing is"


@pytest.mark.parametrize("limit, number, status", [(256, 256, 200), (256, 257, 502), (20, 20, 200), (20, 21, 502)])
def test_fields_of_a_response_as_many_as_the_tenant_allows(make_site, limit: int, number: int, status: int) -> None:
    """http.max_fields bounds the head of a response too: an origin is read as strictly as a client."""
    fields = [f"X-{n}: y" for n in range(number - 2)]
    site = make_site(script=responding(ok(b"served", *fields)), http={"max_fields": limit})
    assert site.fetch("/many").status == status


def test_a_refused_body_ends_the_upstream_connection(site: Site) -> None:
    """Rule 8: an upstream connection with an unfinished request is closed, not parked."""
    with site.connect() as client:
        client.send(_for(site, chunked(b"5\r\nhello\r\n")))
        conn = site.upstream.wait_connection_with(b"hello")
        client.send(b"0x\r\n")
        assert client.read_response().status == 400
        client.expect_end()
    site.upstream.wait_ended(conn)
    assert site.upstream.requests == []


def test_a_request_that_never_ends_is_not_one(site: Site) -> None:
    """RFC 9112 8: a client that leaves inside its head or body has asked for nothing."""
    for data in (head()[:-2], head(b"Content-Length: 5", start=b"POST /hostile HTTP/1.1") + b"hell",
                 chunked(b"5\r\nhello\r\n")):
        with site.connect() as client:
            client.send(_for(site, data))
            client.finish()
            client.read_to_end()
    assert site.fetch("/good").status == 200
    assert [request.target for request in site.upstream.requests] == ["/good"]


def test_hostile_bytes_are_escaped_in_the_access_log(site: Site) -> None:
    """Rule 18, CVE-2024-45808 class: no outside byte reaches a log line unescaped, and each line is one JSON object."""
    agent = b'a"b\\c\xff\xc2\x9b'
    with site.connect() as client:
        data = head(b"User-Agent: " + agent, b"Referer: \"}\xe2\x80\xa8{\"", start=b"GET /logged?'{}|` HTTP/1.1")
        assert client.ask(_for(site, data)).status == 200
    record = site.node.wait_record(path="/logged?'{}|`")
    assert record["user_agent"] == agent.decode("latin-1")
    raw = site.node.access_path.read_bytes()
    assert all(byte == 0x0A or 0x20 <= byte <= 0x7E for byte in raw)
