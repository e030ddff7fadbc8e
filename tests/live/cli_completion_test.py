# SPDX-License-Identifier: Apache-2.0
"""cli_completion_test.py - `weir completion` in real shells, on a terminal, with the TAB key."""

import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import termios
from pathlib import Path
from typing import Iterator, List

import pytest

from support.node import Node, plain_environment, program, run_weir
from support.site import tenant, unique
from support.wait import until

HOME, END, TAB = "\x01", "\x05", "\t"

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(weir completion bash)"),
    "zsh, sourced": (["zsh", "-f", "-i"], "bindkey -e; source <(weir completion zsh)"),
    "zsh, autoloaded": (["zsh", "-f", "-i"],
                        "bindkey -e; fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -i -D"),
}


class Shell:
    """An interactive shell on a terminal of its own."""

    def __init__(self, argv: List[str], folder: Path, setup: str) -> None:
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "weir").symlink_to(program())
        (folder / "inputrc").write_text("set enable-bracketed-paste off\nset bell-style none\n")
        (folder / "functions").mkdir()
        (folder / "functions" / "_weir").write_text(run_weir("completion", "zsh").stdout)
        environment = {**plain_environment(), "PATH": f"{bin_folder}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "$ ",
                       "INPUTRC": str(folder / "inputrc"), "HOME": str(folder), "WEIR_NODE": f"unix:{folder}/none.sock"}
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(argv[0], argv, environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 1000, 0, 0))
        os.set_blocking(self._fd, False)
        self._seen = ""
        self._serial = 0
        self._send(setup + "\n")
        self._send("echo 're''ady'\n")
        until(lambda: re.search(r"[\r\n]ready\r", self._read()), "the shell is ready")

    def _send(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def _read(self) -> str:
        try:
            self._seen += os.read(self._fd, 65536).decode(errors="replace")
        except BlockingIOError:
            pass
        return self._seen

    def complete(self, typed: str) -> str:
        """The command line after what was typed, as the shell itself prints it; without blanks at its end."""
        self._serial += 1
        mark = self._serial
        self._send(f"{typed}{HOME}echo '<{mark}:{END}:{mark}>'\n")
        found = until(lambda: re.search(rf"[\r\n]<{mark}:(.*?):{mark}>", self._read()), f"{typed!r} is completed")
        return found.group(1).rstrip()  # zsh takes its blank back when the cursor moves

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest, folder: Path) -> Iterator[Shell]:
    argv, setup = SHELLS[request.param]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed; deploy/setup --tests brings it")
    one = Shell(argv, folder, setup)
    yield one
    one.close()


def test_first_tab_completes(shell: Shell) -> None:
    """Also where the shell loads the script at that moment (zsh's fpath)."""
    assert shell.complete(f"weir ap{TAB}") == "weir apply"


WORDS = [
    ("weir rollb", "weir rollback"), ("weir rollback t", "weir rollback tenant"), ("weir get -o y", "weir get -o yaml"),
    ("weir apply --dr", "weir apply --dry-run"), ("weir help rollb", "weir help rollback"),
    ("weir get --sort up", "weir get --sort upstreams"), ("weir completion z", "weir completion zsh"),
    ("weir get --output=js", "weir get --output=json"),
]


def test_words_of_the_interface(shell: Shell) -> None:
    """Commands, their words, flags, and the values of flags."""
    for typed, line in WORDS:
        assert shell.complete(typed + TAB) == line


def _offered(*words: str) -> List[str]:
    return run_weir("__complete", *words).stdout.splitlines()[1:]


def test_help_offers_each_word_once_and_the_parts_of_the_reference() -> None:
    assert _offered("help", "nod") == ["node"] and _offered("help", "tenant") == ["tenant"]
    assert {"tenant.routes", "tenant.upstreams"} < set(_offered("help", "tenant."))
    assert _offered("help", "tenant.rou") == ["tenant.routes"]
    assert "tenant.upstreams.health" in _offered("help", "tenant.upstreams.h")
    assert _offered("help", "bogus.") == []


def test_command_is_found_behind_flags(shell: Shell) -> None:
    """`weir --node URL get`: the URL is no command, although it has a colon at which bash parts words."""
    assert shell.complete(f"weir --node unix:/run/x.sock ap{TAB}") == "weir --node unix:/run/x.sock apply"
    assert shell.complete(f"weir -o json --no-headers ge{TAB}") == "weir -o json --no-headers get"
    assert shell.complete(f"weir --node=unix:/run/x.sock get t{TAB}") == "weir --node=unix:/run/x.sock get tenant"


def test_folder_called_like_a_command_is_no_folder_here(shell: Shell, folder: Path) -> None:
    """In a folder that holds a folder `apply` the command gets no slash behind it; files are files where files are meant."""
    (folder / "apply").mkdir()
    (folder / "tenant").mkdir()
    assert shell.complete(f"weir app{TAB}") == "weir apply"
    assert shell.complete(f"weir get ten{TAB}") == "weir get tenant"
    (folder / "shop one.yaml").write_text("")
    assert shell.complete(f"weir apply -f app{TAB}").rstrip("/") == "weir apply -f apply"  # zsh takes it back as well
    done = shell.complete(f"weir fmt sho{TAB}")
    assert done == "weir fmt shop\\ one.yaml"


@pytest.fixture
def names(node: Node) -> Iterator[List[str]]:
    prefix = unique("c")
    listed = [f"{prefix}-alpha", f"{prefix}-beta"]
    node.apply(*[tenant(name, ["127.0.0.1:9"]) for name in listed])
    yield listed
    node.run("delete", "tenant", *listed)


def test_names_come_from_the_node_that_is_named(shell: Shell, node: Node, names: List[str]) -> None:
    """For several names, in both ways to name them, and only what is not yet given."""
    alpha, beta = names
    start = f"weir --node unix:{node.socket_path} delete"
    assert shell.complete(f"{start} tenant {alpha[:-4]}{TAB}") == f"{start} tenant {alpha}"
    assert shell.complete(f"{start} tenant {alpha} {beta[:-4]}{TAB}") == f"{start} tenant {alpha} {beta}"
    assert shell.complete(f"{start} tenant/{alpha} tenant/{beta[:-3]}{TAB}") == f"{start} tenant/{alpha} tenant/{beta}"
    common = alpha[:-len("alpha")]
    assert shell.complete(f"{start} tenant {alpha} {common}{TAB}") == f"{start} tenant {alpha} {beta}"
    logs = f"weir logs --node unix:{node.socket_path} --tenant"
    assert shell.complete(f"{logs} {beta[:-3]}{TAB}") == f"{logs} {beta}"


def test_node_that_is_away_offers_nothing_and_prints_nothing(shell: Shell) -> None:
    """A key must not fill the terminal with errors."""
    assert shell.complete(f"weir get tenant a{TAB}") == "weir get tenant a"
    assert "cannot reach" not in shell._read()  # pylint: disable=protected-access
