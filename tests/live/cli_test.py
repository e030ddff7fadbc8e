# SPDX-License-Identifier: Apache-2.0
"""cli_test.py - the commands: what they do, what they print, and the exit codes that scripts rely on."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
import yaml

from support.node import Node, plain_environment, program, run_weir, to_yaml
from support.site import tenant, unique
from support.wait import PATIENCE, until

DONE, FAILED, USAGE, CONFLICT, TIMEOUT = 0, 1, 2, 4, 5

# Everything that can be wrong in one file, each with where it stands and what is reported about it.
BAD = """\
apiVersion: weir/v1
kind: Tenant
name: shop
hosts: [shop.test, shop.test]
upstrems: {}
upstreams:
  web:
    pool: { min_idle: 4, max: -3 }
    connect_timeout: 5 minutes
    endpoints:
      - { address: "127.0.0.1:9", weight: 70000 }
      - { address: "127.0.0.1:99999" }
http: { max_header: 1MiB, max_body: lots }
routes: [ { path: "api", upstream: nope } ]
---
apiVersion: weir/v1
kind: Tenant
hosts: ["a b"]
"""
BAD_AT = {
    "4:20": ["hosts[1]", "shop.test"],
    "5:1": ["upstrems", 'did you mean "upstreams"?'],
    "8:26": ["upstreams.web.pool.max", "-3 is out of range 1..65536"],
    "9:5": ["upstreams.web.connect_timeout", "5 minutes"],
    "11:35": ["upstreams.web.endpoints[0].weight", "70000 is out of range 0..65535"],
    "12:11": ["upstreams.web.endpoints[1].address", "127.0.0.1:99999"],
    "13:9": ["http.max_header", "1MiB is out of range 1KiB..63KiB"],
    "13:27": ["http.max_body", "lots"],
    "14:13": ["routes[0].path", "api"],
    "14:26": ["routes[0].upstream", '"nope"'],
    "16:1": ["name", "is missing"],
    "18:9": ["hosts[0]", '"a b"'],
}


@pytest.fixture
def name(node: Node) -> Iterator[str]:
    one = unique()
    yield one
    node.admin.call("DELETE", f"/v1/tenants/{one}")


def _document(name: str, **more: Any) -> Dict[str, Any]:
    return tenant(name, ["127.0.0.1:9"], **more)


# -- apply, diff, get, delete


def test_apply_creates_changes_and_leaves_alone(node: Node, name: str) -> None:
    """apply: create or change what the files describe; unchanged ones are reported as such."""
    for change, outcome, revision in (({}, "created", 1), ({}, "unchanged", 1), ({"hosts": ["x.test"]}, "changed", 2)):
        done = node.run("apply", "-f", "-", stdin=to_yaml(_document(name, **change)))
        assert done.returncode == DONE, done.stderr
        assert f"tenant/{name} {outcome} (revision {revision})" in done.stdout
        assert "on 1/1 nodes" in done.stdout


def test_apply_of_files_folders_and_many_documents(node: Node, folder: Path) -> None:
    """apply: FILE, DIR and -, several documents in one file, JSON as well as YAML."""
    names = [unique() for _ in range(5)]
    (folder / "two.yaml").write_text(to_yaml(_document(names[0]), _document(names[1])))
    (folder / "sub").mkdir()
    (folder / "sub" / "one.yml").write_text(to_yaml(_document(names[2])))
    (folder / "one.json").write_text(json.dumps(_document(names[3])))
    (folder / "notes.txt").write_text("not: [a document")
    extra = folder / "extra"
    extra.write_text(to_yaml(_document(names[4])))
    done = node.run("apply", "-f", str(folder), "-f", str(extra))
    assert done.returncode == DONE, done.stderr
    assert "5 tenants: 5 created" in done.stdout
    listed = node.run("get", "-o", "name").stdout.split()
    assert {f"tenant/{one}" for one in names} <= set(listed)
    assert node.run("delete", "tenant", *names).returncode == DONE


def test_apply_reports_all_errors_at_once(node: Node, folder: Path) -> None:
    """Errors: all errors of a file at once, with file:line:column, field, value and range; exit 1."""
    path = folder / "shop.yaml"
    path.write_text(BAD)
    for command in ("apply", "validate", "diff"):
        done = node.run(command, "-f", str(path))
        assert done.returncode == FAILED
        _check_errors(done.stderr, str(path))
    assert node.run("get", "tenant", "shop").returncode == FAILED


def _check_errors(text: str, file: str) -> None:
    lines = {line.split(": ", 1)[0]: line for line in text.splitlines() if line.startswith(file)}
    for at, words in BAD_AT.items():
        line = lines.pop(f"{file}:{at}", None)
        assert line, f"nothing is reported about {at}: {text}"
        for word in words:
            assert word in line
    assert not lines, f"more is reported than expected: {lines}"


def test_one_bad_file_stops_the_whole_apply(node: Node, name: str, folder: Path) -> None:
    """API.md, apply: one invalid document and nothing is applied."""
    (folder / "a.yaml").write_text(to_yaml(_document(name)))
    (folder / "b.yaml").write_text(to_yaml(_document(unique(), nope=1)))
    done = node.run("apply", "-f", str(folder))
    assert done.returncode == FAILED and "nope" in done.stderr
    assert node.run("get", "tenant", name).returncode == FAILED


# Keys of the whole schema whose feature this version lacks.
UNSUPPORTED: List[Dict[str, Any]] = [
    {"tls": {"certificates": "auto"}}, {"tcp": [{"port": 1, "upstream": "web"}]},
    {"limits": {"per_address": {"requests": "5/s"}}},
    {"routes": [{"path": "/", "upstream": "web", "websocket": True}]},
    {"upstreams": {"web": {"endpoints": [{"address": "127.0.0.1:9"}], "health": {"url": "http:///"}}}},
]


@pytest.mark.parametrize("keys", UNSUPPORTED, ids=str)
def test_what_is_not_there_yet_is_refused_by_name(keys: Dict[str, Any]) -> None:
    """A key whose feature is not there yet is refused by name, never accepted and ignored."""
    done = run_weir("validate", "-f", "-", stdin=to_yaml(_document("a", **keys)))
    assert done.returncode == FAILED
    assert "not supported by this version" in done.stderr


@pytest.mark.parametrize("command", ["blacklist", "whitelist", "health", "ip", "top", "upgrade", "firewall",
                                     "join-token", "node-id"])
def test_commands_that_are_not_there_yet(command: str) -> None:
    """The same for commands: known by name, refused with exit 2."""
    done = run_weir(command, "list")
    assert done.returncode == USAGE and "not supported by this version" in done.stderr


def test_diff(node: Node, name: str, folder: Path) -> None:
    """diff: what would change, exit 1 if anything."""
    path = folder / "t.yaml"
    path.write_text(to_yaml(_document(name)))
    new = node.run("diff", "-f", str(path))
    assert new.returncode == FAILED and f"+name: {name}" in new.stdout
    node.run("apply", "-f", str(path))
    same = node.run("diff", "-f", str(path))
    assert (same.returncode, same.stdout) == (DONE, "")
    path.write_text(to_yaml(_document(name, hosts=["new.test"])))
    changed = node.run("diff", "-f", str(path))
    assert changed.returncode == FAILED
    assert f"-hosts: [{name}.test]" in changed.stdout and "+hosts: [new.test]" in changed.stdout
    assert node.run("get", "tenant", name, "-o", "json").stdout.find("new.test") < 0


def test_get_can_be_applied_again(node: Node, name: str) -> None:
    """get: `-o yaml` of one object can be applied again, and changes nothing."""
    document = _document(name, hosts=["a.test", "*.b.test"], addresses=["127.0.9.9", "::2"], headers={
        "add_request": {"X-Quote": 'a "b" \'c\' # d', "X-Colon": "a: b", "X-Empty": ""}, "underscores": "keep"},
        redirects=[{"path": "/x", "to": "none"},
                   {"path": "=/y", "port": 80, "to": {"code": 308, "query": False, "path": "/"}}],
        error_pages={"502": {"body": "line 1\nline 2\n\ttab: [é]\n"}}, http={"max_body": "3GiB", "idle_timeout": "1m30s"})
    node.apply(document)
    for form in ("yaml", "json"):
        shown = node.run("get", "tenant", name, "-o", form)
        assert shown.returncode == DONE
        again = node.run("apply", "-f", "-", stdin=shown.stdout)
        assert again.returncode == DONE and f"tenant/{name} unchanged" in again.stdout, again.stderr
        assert node.run("diff", "-f", "-", stdin=shown.stdout).returncode == DONE
    loaded = yaml.safe_load(node.run("get", "tenant", name, "-o", "yaml").stdout)
    assert loaded["hosts"] == document["hosts"]
    assert loaded["headers"]["add_request"] == document["headers"]["add_request"]


def test_get_in_all_forms(node: Node, name: str) -> None:
    """common flags: -o table|json|yaml|wide|name, --no-headers."""
    node.apply(_document(name))
    table = node.run("get", "tenants").stdout.splitlines()
    assert table[0].split()[:2] == ["NAME", "REVISION"]
    assert any(line.split()[:2] == [name, "1"] for line in table[1:])
    assert not node.run("get", "tenants", "--no-headers").stdout.startswith("NAME")
    assert "APPLIED BY" in node.run("get", "-o", "wide").stdout
    assert f"tenant/{name}" in node.run("get", "-o", "name").stdout.split()
    assert any(one["name"] == name for one in _items(node))
    assert name in node.run("get", "tenant", name).stdout


def _items(node: Node) -> List[Dict[str, Any]]:
    loaded = json.loads(node.run("get", "tenants", "-o", "json").stdout)
    return loaded["items"] if isinstance(loaded, dict) else loaded


def test_get_and_delete_of_what_is_not_there(node: Node) -> None:
    """Exit 1, and a line that names what was asked for."""
    missing = unique()
    for command in (("get", "tenant", missing), ("delete", "tenant", missing), ("history", "tenant", missing),
                    ("rollback", "tenant", missing, "1")):
        done = node.run(*command)
        assert done.returncode == FAILED and missing in done.stderr and not done.stdout


def test_history_and_rollback(node: Node, name: str) -> None:
    """History shows the last revisions; rollback applies an old one as a new revision."""
    for number in range(1, 4):
        node.apply(_document(name, hosts=[f"h{number}.test"]))
    lines = node.run("history", "tenant", name, "--no-headers").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert "hosts[0]" in lines[0]
    back = node.run("rollback", "tenant", name, "1")
    assert back.returncode == DONE and "revision 4" in back.stdout
    assert "h1.test" in node.run("get", "tenant", name, "-o", "yaml").stdout
    assert "rollback to 1" in node.run("history", "tenant", name).stdout
    assert node.run("rollback", "tenant", name, "77").returncode == FAILED


def test_if_revision(node: Node, name: str) -> None:
    """--if-revision N; exit 4 on a conflict, and nothing is changed."""
    text = to_yaml(_document(name))
    assert node.run("apply", "-f", "-", "--if-revision", "1", stdin=text).returncode == CONFLICT
    assert node.run("apply", "-f", "-", "--if-revision", "0", stdin=text).returncode == DONE
    assert node.run("apply", "-f", "-", "--if-revision", "0", stdin=text).returncode == CONFLICT
    other = to_yaml(_document(name, hosts=["o.test"]))
    stale = node.run("apply", "-f", "-", "--if-revision", "7", stdin=other)
    assert stale.returncode == CONFLICT and name in stale.stderr and not stale.stdout
    assert node.run("apply", "-f", "-", "--if-revision", "1", stdin=other).returncode == DONE
    assert node.run("delete", "tenant", name, "--if-revision", "1").returncode == CONFLICT
    assert node.run("rollback", "tenant", name, "1", "--if-revision", "1").returncode == CONFLICT
    assert node.run("delete", "tenant", name, "--if-revision", "2").returncode == DONE


def test_dry_run(node: Node, name: str) -> None:
    """--dry-run does everything but write."""
    done = node.run("apply", "-f", "-", "--dry-run", stdin=to_yaml(_document(name)))
    assert done.returncode == DONE and "created" in done.stdout
    assert node.run("get", "tenant", name).returncode == FAILED
    node.apply(_document(name))
    assert node.run("delete", "tenant", name, "--dry-run").returncode == DONE
    assert node.run("get", "tenant", name).returncode == DONE


@pytest.mark.parametrize("wait", ["local", "quorum", "all"])
def test_wait(node: Node, name: str, wait: str) -> None:
    """--wait; a single node is a cluster of one."""
    done = node.run("apply", "-f", "-", "--wait", wait, "--timeout", "20s", stdin=to_yaml(_document(name)))
    assert done.returncode == DONE and "1/1 nodes" in done.stdout


# -- without a node


def test_validate() -> None:
    """validate: full check without a node."""
    good = run_weir("validate", "-f", "-", stdin=to_yaml(_document("a"), _document("b")))
    assert good.returncode == DONE and "2 documents are valid" in good.stdout
    bad = run_weir("validate", "-f", "-", stdin=BAD)
    assert bad.returncode == FAILED
    _check_errors(bad.stderr, "standard input")


@pytest.mark.parametrize("text,word", [
    ("", "no document"), ("a: [", "1:"), ("- a\n- b\n", "1:1"), ("kind: Tenant\nname: a\n", "apiVersion"),
    ("apiVersion: weir/v2\nkind: Tenant\nname: a\n", "weir/v1"), ("apiVersion: weir/v1\nkind: Tennant\nname: a\n", "Tenant"),
    ("apiVersion: weir/v1\nkind: Tenant\nname: a\nname: b\n", "name"), ("\x00", "1:1"), ("a: \x07", "1:"),
    ("apiVersion: weir/v1\nkind: Tenant\nname: a\nhosts: [a.test]\nhttp: 5\n", "5:1"),
    ("apiVersion: weir/v1\nkind: Tenant\nname: a\nhosts: [a.test]\nhttp: {max_body: 1e3}\n", "max_body"),
    ("apiVersion: weir/v1\nkind: Tenant\nname: a\nhosts: a.test\n", "hosts"),
    ("apiVersion: weir/v1\nkind: Tenant\nname: 5\nhosts: [yes.test]\nupstreams: {web: {endpoints: []}}\n", "endpoints"),
])
def test_validate_of_odd_texts(text: str, word: str) -> None:
    """Each text that is no document is refused with its place, never half understood."""
    done = run_weir("validate", "-f", "-", stdin=text)
    assert done.returncode == FAILED and word in done.stderr, done.stderr


def test_fmt(folder: Path) -> None:
    """fmt: canonical form; -w writes it back; it is its own canonical form."""
    path = folder / "t.yaml"
    path.write_text('{"kind": "Tenant", "hosts": ["a.test"], "name": "a", "apiVersion": "weir/v1",\n'
                    '"upstreams": {"web": {"endpoints": [{"weight": 5, "address": "127.0.0.1:9"}],\n'
                    '"connect_timeout": "5000ms"}}}\n')
    printed = run_weir("fmt", str(path))
    assert printed.returncode == DONE
    assert printed.stdout.startswith("apiVersion: weir/v1\nkind: Tenant\nname: a\nhosts: [a.test]\n")
    assert "connect_timeout: 5s" in printed.stdout
    assert run_weir("fmt", "-w", str(path)).returncode == DONE
    assert path.read_text() == printed.stdout
    assert run_weir("fmt", str(path)).stdout == printed.stdout


def test_fmt_does_not_drop_comments_silently(folder: Path) -> None:
    """What a user wrote is not lost without being asked for: -w leaves a file with comments alone and reports it."""
    path = folder / "t.yaml"
    path.write_text("# why this is so\n" + to_yaml(_document("a")))
    before = path.read_text()
    done = run_weir("fmt", "-w", str(path))
    assert done.returncode == FAILED and "comments" in done.stderr
    assert path.read_text() == before
    assert run_weir("fmt", "-w", "--drop-comments", str(path)).returncode == DONE
    assert "# why" not in path.read_text()


def test_help_and_usage() -> None:
    """A screen of help without arguments; --help with examples for each command; exit 2 for wrong use."""
    assert "Usage:" in run_weir().stdout
    commands = ["apply", "diff", "get", "edit", "delete", "history", "rollback", "validate", "fmt", "status", "route", "redirect",
                "drain", "doctor", "logs", "completion", "version", "help"]
    for command in commands:
        page = run_weir(command, "--help")
        assert page.returncode == DONE and f"weir {command}" in page.stdout
        assert "Examples:" in page.stdout, command
        assert all(len(line) <= 90 for line in page.stdout.splitlines())
    assert run_weir("node", "--help").returncode == DONE
    for wrong in (["frob"], ["apply"], ["apply", "-f"], ["get", "--frob"], ["get", "-o", "xml"], ["get", "frob"], ["delete"],
                  ["delete", "tenant"], ["rollback", "tenant", "a"], ["rollback", "tenant", "a", "x"], ["history"],
                  ["apply", "-f", "x", "--if-revision", "x"], ["apply", "-f", "x", "--wait", "some"], ["route"],
                  ["route", "test"], ["redirect", "test"], ["completion", "tcsh"], ["status", "extra"],
                  ["drain", "--deadline", "soon"], ["apply", "-f", "x", "--timeout", "x"]):
        done = run_weir(*wrong)
        assert done.returncode == USAGE, (wrong, done.stderr)
        assert done.stderr.startswith("weir") and not done.stdout


def test_a_slip_is_named_with_what_was_meant() -> None:
    """An unknown key names the nearest known one; commands and flags do as well."""
    assert '"apply"' in run_weir("aply").stderr
    assert "--if-revision" in run_weir("apply", "--if-revison", "1").stderr


def test_help_of_the_documents() -> None:
    """One table of ranges, units and defaults prints the reference page."""
    page = run_weir("help", "tenant").stdout
    for word in ("upstreams", "min_idle", "connect_timeout", "5s", "1KiB..63KiB", "underscores", "redirects", "error_pages"):
        assert word in page
    assert "trusted_proxies" in run_weir("help", "node").stdout


def test_completion() -> None:
    """Completion bash|zsh; bash accepts its script."""
    script = run_weir("completion", "bash").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    listed = subprocess.run(["bash", "-c", script + "\nCOMP_WORDS=(weir ro); COMP_CWORD=1; _weir; echo \"${COMPREPLY[@]}\""],
                            capture_output=True, text=True, check=True).stdout.split()
    assert {"rollback", "route"} <= set(listed)
    assert run_weir("completion", "zsh").stdout.startswith("#compdef weir")


def test_version() -> None:
    """weir version: the version alone, for scripts."""
    done = run_weir("version")
    assert done.returncode == DONE and done.stdout.startswith("weir ")


# -- with a node


def test_no_node_there(folder: Path) -> None:
    """Errors: cause first, then what to do; exit 1."""
    done = run_weir("status", "--node", f"unix:{folder}/nothing.sock")
    assert done.returncode == FAILED and "weir node --config" in done.stderr
    for url in ("https://edge-1:7400", "http://localhost:1", "unix:", "nonsense"):
        assert run_weir("status", "--node", url).returncode in (FAILED, USAGE)


def test_the_flag_beats_the_variable(node: Node, folder: Path) -> None:
    """--node, else WEIR_NODE, else the default."""
    nowhere = f"unix:{folder}/nothing.sock"
    done = run_weir("status", "--node", f"unix:{node.socket_path}", node=nowhere)
    assert done.returncode == DONE
    assert run_weir("status", node=nowhere).returncode == FAILED


def test_a_node_that_does_not_respond_is_a_timeout(make_node) -> None:
    """5 timed out waiting."""
    node = make_node()
    node.signal(signal.SIGSTOP)
    try:
        assert node.run("status", "--timeout", "300ms").returncode == TIMEOUT
        assert node.run("apply", "-f", "-", "--timeout", "300ms", stdin=to_yaml(_document("a"))).returncode == TIMEOUT
    finally:
        node.signal(signal.SIGCONT)


def test_status(node: Node) -> None:
    """status: nodes, state, version; one node for now."""
    lines = node.run("status").stdout.splitlines()
    assert lines[0].split()[:3] == ["NODE", "STATE", "VERSION"]
    assert lines[1].split()[:2] == ["live", "serving"]
    assert json.loads(node.run("status", "-o", "json").stdout)["nodes"][0]["state"] == "serving"


def test_route_test(node: Node, name: str) -> None:
    """route test: what would happen to a request, and which rule decides."""
    node.apply(_document(name, redirects=[{"path": "/old", "to": {"path": "/new"}}],
                         routes=[{"path": "/", "upstream": "web"}]))
    routed = node.run("route", "test", f"http://{name}.test/x")
    assert routed.returncode == DONE
    for word in (name, "routes[0]", "web", "127.0.0.1:9"):
        assert word in routed.stdout
    moved = node.run("redirect", "test", f"http://{name}.test/old/x?y", "--tenant", name, "-o", "json")
    response = json.loads(moved.stdout)
    assert (response["code"], response["location"], response["rule"]) == (301, f"http://{name}.test/new/x?y", "redirects[0]")
    nobody = node.run("route", "test", "http://nobody.test/")
    assert "404" in nobody.stdout
    assert node.run("route", "test", "nonsense").returncode != DONE


def test_route_test_shows_what_the_data_path_does(make_site, make_upstream) -> None:
    """The response to a question is what then happens: the endpoint of an ip_hash upstream for a client."""
    servers = [make_upstream() for _ in range(3)]
    site = make_site(endpoints=[server.address for server in servers], upstream={"balance": "ip_hash"})
    for number in range(1, 6):
        source = f"127.0.4.{number}"
        response = json.loads(site.node.run("route", "test", f"http://{site.host}/", "--client", source, "-o", "json").stdout)
        with site.connect(source=source) as client:
            assert client.ask(site.get(f"/{number}")).status == 200
        record = site.node.wait_record(tenant=site.name, path=f"/{number}")
        chosen, = [one for one in response["endpoints"] if "chosen" in one]
        assert chosen.startswith(record["endpoint"] + " ")


def test_logs(make_site) -> None:
    """logs: the last records, of a tenant if asked."""
    site = make_site()
    site.fetch("/in-the-log")
    node = site.node
    until(lambda: "/in-the-log" in node.run("logs", "--tenant", site.name).stdout, "the record is shown")
    assert "/in-the-log" not in node.run("logs", "--tenant", unique()).stdout


def test_logs_follow_until_interrupted(make_site) -> None:
    """logs -f: goes on with new records; an interrupt ends it."""
    site = make_site()
    command = [str(program()), "logs", "-f", "--tenant", site.name, "--node", f"unix:{site.node.socket_path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None
        os.set_blocking(follower.stdout.fileno(), False)
        seen = b""

        def shown() -> bool:
            nonlocal seen
            site.fetch("/followed")
            seen += follower.stdout.read() or b""
            return b"/followed" in seen

        try:
            until(shown, "a new record is shown")
            follower.send_signal(signal.SIGINT)
            assert follower.wait(20) in (DONE, 128 + signal.SIGINT, -signal.SIGINT)
        finally:
            follower.kill()  # else a failure above would wait for it without end


def test_doctor(node: Node) -> None:
    """doctor: each check with what it found and what to do."""
    done = node.run("doctor")
    assert "clock" in done.stdout and "descriptors" in done.stdout and "ok" in done.stdout
    assert done.returncode in (DONE, FAILED, 3)


def test_drain(make_node) -> None:
    """drain: the node stops taking new work and ends, with status 0."""
    node = make_node()
    assert node.run("drain", "--deadline", "5s").returncode == DONE
    assert node.wait() == 0
    node.check_report()


def test_output_for_a_pipe_that_closes(node: Node) -> None:
    """A reader that has seen enough is no error worth a crash: `weir get | head -1`."""
    done = subprocess.run(["bash", "-o", "pipefail", "-c", f"{program()} help tenant | head -1"], capture_output=True,
                          text=True, check=False)
    assert done.stdout.startswith("Tenant file") and "Sanitizer" not in done.stderr


def test_an_address_that_is_none_is_a_usage_error_before_anything_is_sent(node: Node) -> None:
    for address, why in (("foo", "is not an IP address or prefix"), ("10.0.0.1/8", 'has bits set behind the prefix, did you mean "10.0.0.0/8"?')):
        done = node.run("log-level", "debug", "--address", address)
        assert done.returncode == USAGE and f'--address: "{address}" {why}' in done.stderr, done.stderr


def test_a_node_that_the_environment_names_wrongly_is_reported_as_the_variable() -> None:
    done = run_weir("status", env={"WEIR_NODE": "bogus"})
    assert done.returncode == USAGE and 'WEIR_NODE "bogus" is not understood' in done.stderr, done.stderr
    done = run_weir("status", "--node", "wrong", env={"WEIR_NODE": "bogus"})
    assert '--node "wrong" is not understood' in done.stderr, done.stderr


def test_a_redirect_test_names_the_tenant_that_is_not_there(node: Node) -> None:
    name = unique()
    done = node.run("redirect", "test", "http://a.test/", "--tenant", name)
    assert done.returncode == FAILED and f"there is no tenant {name}" in done.stderr, done.stderr
