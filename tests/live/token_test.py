# SPDX-License-Identifier: Apache-2.0
"""token_test.py - weir token create, list and revoke over the local socket, and what of a token may be seen afterwards."""

import json
import re

from support.node import Node, run_weir
from support.wait import until

_TOKEN = re.compile(r"weir_([0-9a-f]{12})_[0-9a-f]{48}\n")


def _create(node: Node, *args: str) -> str:
    done = node.run("token", "create", *args)
    assert done.returncode == 0, done.stderr
    match = _TOKEN.fullmatch(done.stdout)
    assert match, done.stdout
    assert match.group(1) in done.stderr and "shown this once" in done.stderr
    return done.stdout.strip()


def test_a_token_is_shown_once_listed_and_revoked(node: Node) -> None:
    """token create prints the token once; list has id, scope, who and when; revoke ends it."""
    token = _create(node, "--scope", "tenant:shop", "--comment", "the pipeline", "--ttl", "720h")
    ident = token.split("_")[1]
    listed = node.run("token", "list")
    assert listed.returncode == 0
    row = next(line for line in listed.stdout.splitlines() if line.startswith(ident))
    assert "tenant:shop" in row and "the pipeline" in row and "expired" not in row
    one = next(t for t in json.loads(node.run("token", "list", "-o", "json").stdout)["items"] if t["id"] == ident)
    assert one["scope"] == "tenant:shop" and one["createdBy" if "createdBy" in one else "created_by"]
    assert ident in node.run("token", "list", "-o", "name").stdout.split()
    done = node.run("token", "revoke", ident)
    assert done.returncode == 0 and done.stdout == f"token {ident} revoked\n"
    assert ident not in node.run("token", "list").stdout
    assert node.run("token", "revoke", ident).returncode == 1


def test_slips_are_named(node: Node) -> None:
    """Exit 2 for a wrong command line, and a pasted token is not repeated."""
    assert node.run("token").returncode == 2
    assert "none of create, list, revoke" in node.run("token", "show").stderr
    assert "--ttl" in node.run("token", "create", "--ttl", "ten").stderr
    assert "are for weir token create" in node.run("token", "list", "--scope", "read").stderr
    assert node.run("token", "revoke").returncode == 2
    assert "admin, read or tenant:NAME" in node.run("token", "create", "--scope", "root").stderr
    pasted = "weir_" + "0" * 12 + "_" + "1" * 48
    done = node.run("token", "revoke", pasted)
    assert done.returncode == 2 and "1" * 48 not in done.stderr


def test_neither_the_log_nor_the_store_has_a_secret(make_node) -> None:
    """Tokens are stored hashed and never logged."""
    node = make_node(config={"log": {"level": "trace"}})
    secret = _create(node).split("_")[2]
    until(lambda: "token.created" in node.stderr, "the creation is logged")
    assert secret not in node.stderr
    for path in node.data.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_help_explains_scopes() -> None:
    """Every subcommand has --help with examples."""
    page = run_weir("token", "--help").stdout
    assert "tenant:NAME" in page and "weir token revoke 1f3a9c07be42" in page
