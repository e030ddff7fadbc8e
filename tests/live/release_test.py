# SPDX-License-Identifier: Apache-2.0
"""release_test.py - deploy/release: a version is cut from the changelog, or refused by name. Works in a clone of its own."""

import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(folder: Path) -> Path:
    """A repository with the files that deploy/release reads, and one commit."""
    tree = folder / "tree"
    (tree / "deploy").mkdir(parents=True)
    for name in ("deploy/release", "deploy/lib.sh", "CMakeLists.txt"):
        shutil.copy(TOP / name, tree / name)
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- A thing\n  of two lines.\n\n## 0.0.1 - 2026-01-01\n\n- Old.\n")
    for command in (["init", "-q"], ["config", "user.name", "t"], ["config", "user.email", "t@example.com"], ["add", "-A"],
                    ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], cwd=tree, check=True)
    return tree


def _release(tree: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([tree / "deploy/release", *words], capture_output=True, text=True, timeout=60)


def _git(tree: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=tree, check=True, capture_output=True, text=True).stdout


def test_a_release_moves_the_changelog_sets_the_version_and_tags(clone: Path) -> None:
    done = _release(clone, "9.1.0")
    assert done.returncode == 0, done.stderr
    changelog = (clone / "CHANGELOG.md").read_text()
    assert changelog.index("## Unreleased") < changelog.index("## 9.1.0 - ") < changelog.index("- A thing")
    assert "project(weir VERSION 9.1.0 " in (clone / "CMakeLists.txt").read_text()
    message = _git(clone, "tag", "-l", "--format=%(contents)", "v9.1.0")
    assert "- A thing\n  of two lines." in message and "Old" not in message
    assert _git(clone, "status", "--porcelain") == ""


def test_a_dry_run_changes_nothing(clone: Path) -> None:
    done = _release(clone, "--dry-run", "9.1.0")
    assert done.returncode == 0 and "- A thing" in done.stdout
    assert _git(clone, "tag") == "" and _git(clone, "log", "--oneline").count("\n") == 1


@pytest.mark.parametrize("version, why", [("9.1", "no version"), ("v9.1.0", "no version"), ("0.0.9", "lower than")])
def test_a_wrong_version_is_refused_by_name(clone: Path, version: str, why: str) -> None:
    done = _release(clone, version)
    assert done.returncode == 1 and why in done.stderr


def test_a_release_of_nothing_or_of_a_changed_tree_is_refused(clone: Path) -> None:
    assert _release(clone, "9.1.0").returncode == 0
    again = _release(clone, "9.2.0")
    assert again.returncode == 1 and "nothing under Unreleased" in again.stderr
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- New.\n")
    changed = _release(clone, "9.2.0")
    assert changed.returncode == 1 and "not committed" in changed.stderr
    _git(clone, "commit", "-q", "-am", "new")
    twice = _release(clone, "9.1.0")
    assert twice.returncode == 1 and "tag v9.1.0 exists" in twice.stderr
