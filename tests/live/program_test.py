# SPDX-License-Identifier: Apache-2.0
"""program_test.py - what the built program has for those that examine it: probes and debug information."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Set

import pytest

from support.node import Node, program

TOP = Path(__file__).resolve().parents[2]
RELEASE = TOP / "build" / "release"


def run(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def placed_probes() -> Set[str]:
    """The names of the probes in the source, each as the first argument of WEIR_PROBEn."""
    names: Set[str] = set()
    for folder in ("node", "sync", "tenants"):
        for path in (TOP / folder).rglob("*.c"):
            names.update(re.findall(r"\bWEIR_PROBE[1-4]\((\w+),", path.read_text()))
    return names


@pytest.fixture
def release() -> Path:
    path = RELEASE / "weir"
    if not os.access(path, os.X_OK):
        pytest.skip(f"no release build at {path}")
    return path


def test_each_probe_of_the_source_is_in_the_program() -> None:
    if not any(Path(folder, "sys/sdt.h").exists() for folder in ("/usr/include", "/usr/include/x86_64-linux-gnu",
                                                                 "/usr/include/aarch64-linux-gnu")):
        pytest.skip("built without sys/sdt.h: Debian's systemtap-sdt-dev is not installed")
    notes = run("readelf", "-n", program())
    found = set(re.findall(r"Provider: weir\s+Name: (\w+)\s", notes))
    assert {"accept", "request", "response", "dial", "commit"} <= placed_probes(), "probe.h promises these"
    assert found == placed_probes()


def test_release_has_its_debug_information_in_a_file_beside_it(release: Path) -> None:
    sections = run("readelf", "-SW", release)
    assert ".gnu_debuglink" in sections
    assert ".symtab" in sections, "the backtrace of a broken contract reads names there"
    assert ".debug_info" not in sections
    assert "weir.debug" in run("readelf", "--string-dump=.gnu_debuglink", release)
    assert ".debug_info" in run("readelf", "-SW", release.with_name("weir.debug"))


def test_address_of_a_function_gives_its_line_by_the_debug_file(release: Path) -> None:
    symbols = run("nm", release)
    address = re.search(r"^([0-9a-f]+) [tT] weir_contract_broken_cmp", symbols, re.M)
    assert address is not None, "no weir_contract_broken_cmp in the symbol table"
    lines = run("addr2line", "-fie", release.with_name("weir.debug"), address[1])
    assert re.search(r"node/base/contract\.c:\d+", lines), lines


def test_installed_debug_file_lies_where_gdb_searches_for_it(release: Path, folder: Path) -> None:
    prefix = folder / "usr"
    run("cmake", "--install", RELEASE, "--prefix", prefix, "--component", "debug")
    (prefix / "sbin").mkdir()
    shutil.copy2(release, prefix / "sbin")
    debug = Path(f"{prefix}/lib/debug{prefix}/sbin/weir.debug")
    assert debug.exists(), "gdb searches below its debug folder for the program's folder"
    if shutil.which("gdb") is None:
        pytest.skip("no gdb")
    printed = run("gdb", "-nx", "-batch", "-ex", f"set debug-file-directory {prefix}/lib/debug",
                  "-ex", f"file {prefix}/sbin/weir", "-ex", "info line weir_contract_install_handlers")
    assert re.search(r"Line \d+ of .*contract\.c", printed), printed


def test_release_node_that_gets_a_fatal_signal_reports_functions_and_trace(
        release: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_BIN", str(release))
    node = Node(folder).start()
    process, node.process = node.process, None
    assert process is not None
    process.send_signal(signal.SIGSEGV)
    assert process.wait(60) == -signal.SIGSEGV
    report = node.stderr
    assert "fatal signal: SIGSEGV code=0" in report
    backtrace = report[report.index("backtrace, innermost first"):]
    assert re.search(r"^  #\d+ main\+0x[0-9a-f]+ at 0x[0-9a-f]+$", backtrace, re.M), report
    assert "trace of this thread, oldest first" in backtrace
