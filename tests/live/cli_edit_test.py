# SPDX-License-Identifier: Apache-2.0
"""cli_edit_test.py - `weir edit`, with small scripts as editors."""

import re
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from support.node import Node, program, run_weir
from support.site import tenant, unique

DONE, FAILED, USAGE, CONFLICT = 0, 1, 2, 4


@pytest.fixture
def name(node: Node) -> Iterator[str]:
    one = unique("e")
    node.apply(tenant(one, ["127.0.0.1:9"]))
    yield one
    node.admin.call("DELETE", f"/v1/tenants/{one}")


@pytest.fixture
def temporary(folder: Path) -> Path:
    path = folder / "tmp"
    path.mkdir()
    return path


def _edit(node: Node, temporary: Path, name: str, script: str, *args: str) -> "subprocess.CompletedProcess[str]":
    """Run `weir edit` with a shell script as the editor; `$1` is the file, `$count` how often it was opened before."""
    editor = temporary.parent / "editor"
    editor.write_text(f"""#!/bin/sh
count=$(cat {temporary.parent}/count 2>/dev/null || echo 0)
cp "$1" {temporary.parent}/opened.$count
stat -c %a "$1" > {temporary.parent}/mode
echo $((count + 1)) > {temporary.parent}/count
{script}
""")
    editor.chmod(0o700)
    return run_weir("edit", name, *args, node=f"unix:{node.socket_path}",
                    env={"EDITOR": str(editor), "TMPDIR": str(temporary)})


def _revision(node: Node, name: str) -> int:
    return node.admin.get(f"/v1/tenants/{name}").json()["revision"]


def _left(temporary: Path) -> list:
    return list(temporary.iterdir())


def test_edit_applies_what_is_saved(node: Node, temporary: Path, name: str) -> None:
    """edit KIND NAME: with a private temporary file, which is gone afterwards."""
    done = _edit(node, temporary, f"tenant/{name}", f"sed -i s/{name}.test/new.test/ \"$1\"")
    assert done.returncode == DONE, done.stderr
    assert done.stdout.startswith(f"tenant/{name} changed (revision 2)")
    assert "new.test" in node.run("get", "tenant", name, "-o", "yaml").stdout
    assert (temporary.parent / "mode").read_text() == "600\n"
    assert not _left(temporary)


@pytest.mark.parametrize("script", ["true", ": > \"$1\"", "printf '\\n\\n' > \"$1\"", "touch \"$1\""])
def test_edit_without_a_change_writes_nothing(node: Node, temporary: Path, name: str, script: str) -> None:
    """Unchanged or empty: no write, no new revision, no error."""
    done = _edit(node, temporary, f"tenant/{name}", script)
    assert done.returncode == DONE and "nothing was changed" in done.stderr and not done.stdout
    assert _revision(node, name) == 1
    assert not _left(temporary)


def test_edit_does_not_apply_what_stands_before_a_nul_alone(node: Node, temporary: Path, name: str) -> None:
    """A NUL is a fault of the text: what follows it must not be lost without a word."""
    script = f"[ $count = 0 ] || exit 1\nsed -i s/{name}.test/new.test/ \"$1\"\nprintf '\\000more: 1\\n' >> \"$1\""
    done = _edit(node, temporary, f"tenant/{name}", script)
    assert done.returncode == FAILED and not done.stdout, done.stderr
    assert _revision(node, name) == 1
    assert [file.read_bytes().count(b"\0more: 1") for file in _left(temporary)] == [1]


def test_edit_reopens_with_the_errors_at_their_lines(node: Node, temporary: Path, name: str) -> None:
    """Validation errors are comments on top of what was typed, and their lines are those of that file."""
    script = f"""if [ $count = 0 ]; then sed -i 's/^hosts:.*/hosts: [a b]\\nbogus: 1/' "$1"
else sed -i -e '/^bogus/d' -e 's/^hosts:.*/hosts: [fixed.{name}.test]/' "$1"; fi"""
    done = _edit(node, temporary, f"tenant/{name}", script)
    assert done.returncode == DONE, done.stderr
    assert f"fixed.{name}.test" in node.run("get", "tenant", name, "-o", "yaml").stdout
    opened = (temporary.parent / "opened.1").read_text().splitlines()
    faults = [line for line in opened if re.match(r"# \d+:\d+: ", line)]
    assert len(faults) == 2 and "hosts[0]" in faults[0] and "bogus" in faults[1]
    for fault, text in zip(faults, ("hosts: [a b]", "bogus: 1")):
        line = int(fault[2:].split(":")[0])
        assert opened[line - 1] == text, (fault, opened)
    assert not _left(temporary)


def test_edit_gives_up_on_a_text_that_stays_wrong_and_leaves_it(node: Node, temporary: Path, name: str) -> None:
    """An editor that changes nothing more ends it; what was typed is not lost."""
    done = _edit(node, temporary, f"tenant/{name}", "[ $count = 0 ] && echo 'bogus: 1' >> \"$1\"; true")
    assert done.returncode == FAILED and "nothing was written" in done.stderr
    left, = _left(temporary)
    assert str(left) in done.stderr and "bogus: 1" in left.read_text()
    assert _revision(node, name) == 1


@pytest.mark.parametrize("script,word", [
    ("sed -i 's/^name:.*/name: other/' \"$1\"", "name: must stay as it is"),
    ("printf -- '---\\napiVersion: weir/v1\\nkind: Tenant\\nname: b\\nhosts: [b.test]\\n' >> \"$1\"", "more than one document"),
    ("printf 'apiVersion: weir/v1\\nkind: Node\\nname: n\\n' > \"$1\"", "kind: must stay Tenant"),
    ("printf 'error_pages: { \"502\": { file: /etc/passwd } }\\n' >> \"$1\"", "is not in an allowed folder"),
])
def test_edit_changes_this_tenant_and_no_other(node: Node, temporary: Path, name: str, script: str, word: str) -> None:
    """Another name, a second document, another kind, a file of the host: named, and nothing is written."""
    done = _edit(node, temporary, f"tenant/{name}", f"[ $count = 0 ] || exit 0; {script}")
    assert done.returncode == FAILED
    assert word in (temporary.parent / "opened.1").read_text()
    assert _revision(node, name) == 1


def test_edit_that_somebody_overtook_is_a_conflict_and_loses_nothing(node: Node, temporary: Path, name: str) -> None:
    """If-Match guards against lost updates: exit 4, both texts are there."""
    document = temporary.parent / "other.yaml"
    other = f"{program()} get tenant {name} -o yaml --node unix:{node.socket_path} | sed s/{name}.test/theirs.test/ > {document}; " \
            f"{program()} apply -f {document} --node unix:{node.socket_path} >/dev/null; sed -i s/{name}.test/mine.test/ \"$1\""
    done = _edit(node, temporary, f"tenant/{name}", other)
    assert done.returncode == CONFLICT
    assert "changed meanwhile: it is at revision 2" in done.stderr and "began from 1" in done.stderr
    assert "theirs.test" in node.run("get", "tenant", name, "-o", "yaml").stdout
    left, = _left(temporary)
    assert str(left) in done.stderr and "mine.test" in left.read_text()
    assert node.run("apply", "-f", str(left)).returncode == DONE, "the text that was left can be applied"


def test_edit_with_an_editor_that_fails_changes_nothing(node: Node, temporary: Path, name: str) -> None:
    """An editor that ends with an error, or is not there; no editor at all without a terminal."""
    done = _edit(node, temporary, f"tenant/{name}", "sed -i s/test/x/ \"$1\"; exit 3")
    assert done.returncode == FAILED and "ended with status 3; nothing was written" in done.stderr
    for editor in ("/none/such", ""):
        done = run_weir("edit", "tenant", name, node=f"unix:{node.socket_path}", env={"EDITOR": editor, "VISUAL": ""})
        assert done.returncode == (FAILED if editor else USAGE), done.stderr
    assert _revision(node, name) == 1
    assert node.run("edit", "tenant", unique()).returncode == FAILED
