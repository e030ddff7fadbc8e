# SPDX-License-Identifier: Apache-2.0
"""cli_objects_test.py - tenants named, listed, watched and deleted in numbers, against a node."""

import json
import os
import select
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

from support.node import Node, plain_environment, program, to_yaml
from support.site import tenant, unique
from support.wait import PATIENCE, until

DONE, FAILED, USAGE = 0, 1, 2


def _apply(node: Node, *names: str, **more: Any) -> None:
    node.apply(*[tenant(name, ["127.0.0.1:9"], **more) for name in names])


def test_what_output_name_prints_can_be_fed_back(node: Node) -> None:
    """Objects can be named KIND NAME... or KIND/NAME...; what -o name prints can be fed back."""
    prefix = unique("n")
    names = [f"{prefix}-{number}" for number in range(3)]
    _apply(node, *names)
    printed = node.run("get", "-o", "name", "--prefix", f"{prefix}-").stdout.split()
    assert printed == [f"tenant/{name}" for name in names]
    shown = node.run("get", *printed, "-o", "yaml")
    assert shown.returncode == DONE and shown.stdout.count("kind: Tenant") == 3
    assert node.run("apply", "-f", "-", stdin=shown.stdout).stdout.count("unchanged") >= 3
    assert node.run("history", printed[0]).returncode == DONE
    gone = node.run("delete", *printed, f"tenant/{prefix}-none")
    assert gone.returncode == FAILED
    assert [line.split()[:2] for line in gone.stdout.splitlines()] == [[one, "deleted"] for one in printed]
    assert len(gone.stderr.splitlines()) == 1 and f"{prefix}-none" in gone.stderr
    assert node.run("rollback", printed[0], "1").returncode == DONE
    assert node.run("delete", printed[0]).returncode == DONE


def test_tenants_of_a_file_are_shown_and_deleted(node: Node, folder: Path) -> None:
    """-f FILE where several are meant."""
    names = [unique("f") for _ in range(2)]
    path = folder / "two.yaml"
    path.write_text(to_yaml(*[tenant(name, ["127.0.0.1:9"]) for name in names]))
    assert node.run("apply", "-f", str(path)).returncode == DONE
    assert node.run("get", "-f", str(path), "-o", "name").stdout.split() == [f"tenant/{name}" for name in names]
    assert node.run("delete", "-f", str(path)).returncode == DONE
    assert node.run("get", "-f", str(path)).returncode == FAILED


def test_deletion_by_prefix_needs_a_yes_and_spares_the_others(node: Node) -> None:
    """--prefix P; without a terminal and without --yes nothing is deleted."""
    prefix = unique("p")
    names = [f"{prefix}-{number}" for number in range(12)]
    _apply(node, *names, f"{prefix}x")
    refused = node.run("delete", "--prefix", f"{prefix}-")
    assert refused.returncode == USAGE and "--yes" in refused.stderr
    dry = node.run("delete", "--prefix", f"{prefix}-", "--dry-run")
    assert dry.returncode == DONE and "12 tenants begin with" in dry.stderr
    assert len(node.run("get", "-o", "name", "--prefix", prefix).stdout.split()) == 13
    done = node.run("delete", "--prefix", f"{prefix}-", "--yes")
    assert done.returncode == DONE and done.stdout.count(" deleted") == 12
    assert node.run("get", "-o", "name", "--prefix", prefix).stdout.split() == [f"tenant/{prefix}x"]
    assert node.run("delete", "--prefix", prefix, "-y").returncode == DONE


def test_list_sorts_and_limits(node: Node) -> None:
    """With the note that more follow."""
    prefix = unique("s")
    for name, hosts in (("a", 2), ("b", 3), ("c", 1)):
        _apply(node, f"{prefix}{name}", hosts=[f"{prefix}{name}{number}.test" for number in range(hosts)])
    listed = node.run("get", "--prefix", prefix, "--sort", "-hosts", "-o", "name")
    assert listed.stdout.split() == [f"tenant/{prefix}{name}" for name in "bac"]
    first = node.run("get", "--prefix", prefix, "--sort", "applied", "--limit", "2", "-o", "name")
    assert first.stdout.split() == [f"tenant/{prefix}{name}" for name in "ab"] and "more tenants follow" in first.stderr
    assert node.run("delete", "--prefix", prefix, "--yes").returncode == DONE


class Watch:
    """`weir get --watch` in the background, and the changes that it has printed."""

    def __init__(self, node: Node, *args: str) -> None:
        self.process = subprocess.Popen(
            [str(program()), "get", "-w", "-o", "json", "--node", f"unix:{node.socket_path}", *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=plain_environment())
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._text = b""

    def changes(self) -> List[Dict[str, Any]]:
        self._text += self.process.stdout.read() or b""  # type: ignore[union-attr]
        return [json.loads(line) for line in self._text.split(b"\n")[:-1]]

    def wait(self, change: str, name: str, revision: int) -> None:
        def shown() -> bool:
            return any(one["change"] == change and one["tenant"]["name"] == name and one["tenant"]["revision"] == revision
                       for one in self.changes())
        until(shown, f"{name} is reported as {change}")


@contextmanager
def _watch(node: Node, *args: str) -> Iterator[Watch]:
    one = Watch(node, *args)
    try:
        yield one
        one.process.send_signal(signal.SIGINT)
        assert one.process.wait(20) == DONE
        assert one.process.stderr is not None and one.process.stderr.read() == b""
    finally:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        one.process.stdout.close()  # type: ignore[union-attr]
        one.process.stderr.close()  # type: ignore[union-attr]


def test_watch_shows_each_change_and_ends_cleanly(node: Node) -> None:
    """get -w: prints changes as they come; an interrupt ends it with 0 and without a word."""
    prefix = unique("w")
    old, new = f"{prefix}-old", f"{prefix}-new"
    _apply(node, old)
    with _watch(node, "--prefix", prefix) as watch:
        watch.wait("listed", old, 1)
        _apply(node, new)
        watch.wait("created", new, 1)
        _apply(node, old, hosts=[f"{prefix}.changed.test"])
        watch.wait("changed", old, 2)
        node.run("delete", "tenant", new)
        watch.wait("deleted", new, 1)
        assert len(watch.changes()) == 4, "what does not change is not shown again"
    node.run("delete", "tenant", old)


def test_watch_of_a_name_waits_for_a_tenant_that_is_not_there_yet(node: Node) -> None:
    """A name that is watched may come later."""
    name = unique("w")
    with _watch(node, f"tenant/{name}") as watch:
        stderr = watch.process.stderr
        assert stderr is not None and select.select([stderr], [], [], PATIENCE)[0], "it does not report that it waits"
        assert os.read(stderr.fileno(), 4096) == f"tenant/{name}: is not there; waiting for it\n".encode()
        _apply(node, name)
        until(watch.changes, "the tenant is reported")
        assert watch.changes()[0]["tenant"]["name"] == name
        node.run("delete", f"tenant/{name}")
        watch.wait("deleted", name, 1)


def test_watch_ends_with_an_error_when_the_node_ends(make_node) -> None:
    """A watch that sees nothing any more ends with an error, instead of being silent for ever."""
    node = make_node()
    watch = Watch(node)
    node.stop()
    assert watch.process.wait(30) == FAILED
    assert watch.process.stderr is not None and b"weir get: " in watch.process.stderr.read()
    watch.process.stdout.close()  # type: ignore[union-attr]
    watch.process.stderr.close()


def test_status_watch_ends_cleanly(node: Node) -> None:
    """An interrupt is how a watch ends: 0, and no word on standard error."""
    with subprocess.Popen([str(program()), "status", "-w", "-o", "name", "--node", f"unix:{node.socket_path}"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=plain_environment()) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"node/live\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == DONE
        assert process.stderr.read() == b""
