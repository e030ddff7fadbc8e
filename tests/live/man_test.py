# SPDX-License-Identifier: Apache-2.0
"""man_test.py - the man pages that deploy/man makes from the program's help: all there, well-formed, and complete."""

import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
WEIR = os.environ.get("WEIR_BIN", str(TOP / "build/asan/weir"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    to = tmp_path_factory.mktemp("man")
    subprocess.run([TOP / "deploy/man", WEIR, to], check=True, timeout=120)
    return to


def _rendered(page: Path) -> str:
    done = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", "-ww", page], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), f"{page.name}: {done.stderr}"
    return done.stdout


def test_every_command_has_a_well_formed_man_page_with_the_text_of_its_help(pages: Path) -> None:
    screen = subprocess.run([WEIR, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    commands = [line.split()[0] for line in screen.split("\n\n")[2].splitlines() if line.startswith("  ")]
    assert "apply" in commands and "node" in commands
    for command in commands:
        text = _rendered(pages / f"weir-{command}.8")
        for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS"):
            assert f"\n{heading}\n" in text, f"weir-{command}.8 has no {heading}"
        assert f"weir-{command} - " in " ".join(text.split())


def test_the_files_have_man_pages_of_their_own(pages: Path) -> None:
    assert "upstreams" in _rendered(pages / "weir-tenant.5")
    assert "admin.socket" in _rendered(pages / "weir-node.5")
    assert "SYNOPSIS" in _rendered(pages / "weir.8")
