# SPDX-License-Identifier: Apache-2.0
"""export_test.py - weir export and weir import: the backup of a node, whole, equal, and safe to repeat."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from support.node import Node, plain_environment, program
from support.site import tenant
from support.wait import PATIENCE, until

MANY = 3_000  # several slices of an export, several batches of an import


def _documents(number: int) -> List[Dict[str, Any]]:
    return [tenant(f"s{i:05}", ["127.0.0.1:9"], hosts=[f"s{i:05}.test", f"*.s{i:05}.test"],
                   error_pages={"502": {"body": f"line\n---\n\"{i}\" é \U0001f600\n"}}) for i in range(number)]


def _fill(node: Node, folder: Path, number: int) -> None:
    path = folder / "fill.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in _documents(number)))
    done = node.run("import", str(path), "--timeout", "2m")
    assert (done.returncode, f"{number} created" in done.stdout) == (0, True), done.stdout + done.stderr


def _digest(node: Node) -> str:
    done = node.run("export", "--digest")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("form", ["backup.jsonl", "backup.yaml", "backup/"])
def test_an_import_of_an_export_into_an_empty_node_gives_equal_content(make_node, folder: Path, form: str) -> None:
    """All documents, in one file or a folder of files; the digests of both nodes are equal."""
    first, second = make_node(), make_node()
    _fill(first, folder, MANY)
    done = first.run("export", str(folder / form))
    assert done.returncode == 0 and f"{MANY} tenants exported" in done.stderr, done.stderr
    done = second.run("import", str(folder / form), "--timeout", "2m")
    assert done.returncode == 0 and f"{MANY} tenants: {MANY} created" in done.stdout, done.stdout + done.stderr
    assert "on 1/1 nodes" in done.stdout
    assert _digest(first) == _digest(second) != ""
    assert f"{MANY} documents" in _digest(second)
    again = second.run("import", str(folder / form), "--timeout", "2m")
    assert again.returncode == 0 and f"{MANY} unchanged" in again.stdout, again.stdout + again.stderr


def test_the_digest_shows_one_changed_document(make_node, folder: Path) -> None:
    """Equal documents, equal digest, whatever their revisions; one other byte, another digest."""
    first, second = make_node(), make_node()
    for node in (first, second):
        _fill(node, folder, 3)
    assert _digest(first) == _digest(second)
    changed = dict(_documents(1)[0], hosts=["other.test"])
    second.apply(changed)
    assert _digest(first) != _digest(second)
    second.apply(_documents(1)[0])
    assert second.admin.get("/v1/tenants/s00000").json()["revision"] == 3
    assert _digest(first) == _digest(second)


def test_an_import_reports_faults_with_their_place_and_takes_the_rest(make_node, folder: Path) -> None:
    """Partial failure is exit 1; each fault has file and line; what is right goes in."""
    node = make_node()
    path = folder / "mixed.yaml"
    good = "apiVersion: weir/v1\nkind: Tenant\nname: {}\nhosts: [{}.test]\nupstreams: {{ web: {{ endpoints: [ {{ address: '127.0.0.1:9' }} ] }} }}\n"
    path.write_text(good.format("one", "one") + "---\n" + good.format("two", "two") + "wrong: 1\n---\n" + good.format("three", "three"))
    done = node.run("import", str(path))
    assert done.returncode == 1
    assert f"{path}:12:1: wrong: unknown key" in done.stderr
    assert "2 tenants: 2 created" in done.stdout
    assert [one["name"] for one in node.admin.get("/v1/tenants").json()["items"]] == ["one", "three"]


def test_a_fifo_in_a_folder_does_not_hold_an_import(make_node, folder: Path) -> None:
    """To open one for reading waits for a writer: it is reported by name, and the rest goes in."""
    node = make_node()
    backup = folder / "backup"
    backup.mkdir()
    os.mkfifo(backup / "a.yaml")
    (backup / "b.json").write_text(json.dumps(_documents(1)[0]))
    done = node.run("import", str(backup))
    assert (done.returncode, "1 created" in done.stdout) == (1, True), done.stdout + done.stderr
    assert "a.yaml: cannot be read: it is not a regular file" in done.stderr


def test_an_import_refused_by_the_node_names_the_document(make_node, folder: Path) -> None:
    """A refusal of one document of a batch leaves the others in, and needs --allow-overlap to be taken back."""
    node = make_node()
    documents = [tenant("a", ["127.0.0.1:9"], hosts=["*.shop.test"]), tenant("b", ["127.0.0.1:9"], hosts=["pay.shop.test"]),
                 tenant("c", ["127.0.0.1:9"])]
    path = folder / "all.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in documents))
    done = node.run("import", str(path))
    assert done.returncode == 1 and f"{path}:2:1: tenant b: refused: host pay.shop.test" in done.stderr, done.stderr
    assert "2 created, 1 refused" in done.stdout
    done = node.run("import", str(path), "--allow-overlap")
    assert done.returncode == 0 and "1 created, 2 unchanged" in done.stdout, done.stderr


def test_an_import_that_was_cut_can_be_run_again(make_node, folder: Path) -> None:
    """The input ends in the middle of a document: what came before is there, and the second run adds the rest."""
    node = make_node()
    text = "".join(json.dumps(one) + "\n" for one in _documents(50))
    path = folder / "cut.jsonl"
    path.write_text(text[:len(text) // 2])
    done = node.run("import", str(path))
    assert done.returncode == 1 and "no whole JSON object stands here" in done.stderr
    path.write_text(text)
    done = node.run("import", str(path))
    assert done.returncode == 0 and "unchanged" in done.stdout and "created" in done.stdout, done.stdout + done.stderr
    assert node.admin.get("/v1/tenants").json()["total"] == 50


def test_an_export_that_is_cut_leaves_no_file_behind(make_node, folder: Path) -> None:
    """The name belongs to a whole export alone: a node that dies while it is read leaves neither file nor part."""
    node = make_node()
    _fill(node, folder, MANY)
    reader = subprocess.Popen([str(program()), "export", "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**plain_environment(), "WEIR_NODE": f"unix:{node.socket_path}"})
    with reader:
        assert reader.stdout is not None and reader.stderr is not None
        assert reader.stdout.read(1000)
        node.kill()
        rest = reader.stdout.read()
        assert reader.wait(PATIENCE) == 1 or rest.count(b"\n") >= MANY - 10
    node.start()
    done = node.run("export", str(folder / "none" / "x.yaml"))
    assert done.returncode == 1 and "No such file" in done.stderr
    path = folder / "whole.yaml"
    assert node.run("export", str(path)).returncode == 0
    assert path.exists() and not list(folder.glob("whole.yaml.*"))


def test_an_export_into_a_pipe_or_through_a_link_leaves_them_what_they_are(make_node, folder: Path) -> None:
    """`weir export /dev/null` must not put a file in the place of the device; a link keeps leading to its file."""
    node = make_node()
    _fill(node, folder, 3)
    pipe, file, link = folder / "pipe", folder / "file.yaml", folder / "link.yaml"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    done = node.run("export", str(pipe))
    assert done.returncode == 0 and pipe.is_fifo(), done.stderr
    assert reader.communicate(timeout=PATIENCE)[0].count('kind: "Tenant"') == 3
    file.write_text("old")
    link.symlink_to(file)
    done = node.run("export", str(link))
    assert done.returncode == 0 and link.is_symlink(), done.stderr
    assert file.read_text().count('kind: "Tenant"') == 3


def test_an_export_leaves_files_of_like_names_alone(make_node, folder: Path) -> None:
    """What it writes first has a name of its own: nobody's file is overwritten, no link is followed, all is private."""
    node = make_node()
    _fill(node, folder, 3)
    mine, victim = folder / "x.yaml.part", folder / "victim"
    victim.write_text("precious")
    mine.symlink_to(victim)
    done = node.run("export", str(folder / "x.yaml"))
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "precious" and mine.is_symlink()
    assert (folder / "x.yaml").stat().st_mode & 0o777 == 0o600


def test_an_export_into_a_folder_with_files_is_refused(make_node, folder: Path) -> None:
    """Documents of before would come back with an import."""
    node = make_node()
    _fill(node, folder, 2)
    target = folder / "old"
    target.mkdir()
    (target / "gone.yaml").write_text("x")
    done = node.run("export", str(target))
    assert done.returncode == 1 and "is not empty" in done.stderr


def test_export_pipes_into_import(make_node, folder: Path) -> None:
    """Standard output and standard input, YAML by default."""
    first, second = make_node(), make_node()
    _fill(first, folder, 20)
    text = first.run("export").stdout
    assert text.startswith("---\n") and text.count("\n---\n") >= 19
    assert second.run("import", "-", stdin=text).returncode == 0
    assert _digest(first) == _digest(second)


def test_an_interrupted_import_reports_how_to_go_on(make_node, folder: Path) -> None:
    """SIGINT: exit 1, what is there stays, and the message states that it can be run again."""
    node = make_node()
    process = subprocess.Popen([str(program()), "import", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**plain_environment(), "WEIR_NODE": f"unix:{node.socket_path}"})
    with process:
        assert process.stdin is not None
        for one in _documents(MANY):
            process.stdin.write(json.dumps(one).encode() + b"\n")
        process.stdin.flush()
        until(lambda: node.admin.get("/v1/tenants").json()["total"] >= 1000, "a batch is there")
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        process.stdin = None
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and b"Run it again" in errors, errors
    assert node.admin.get("/v1/tenants").json()["total"] >= 1000
