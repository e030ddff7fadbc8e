# SPDX-License-Identifier: Apache-2.0
"""scope.py - which files are mutated over what, and which unit tests see a file."""

import hashlib
import os

from build import TOP

ENGINE = ("sync/engine", "sync/members", "sync/activation", "sync/frame", "sync/version")
LAYERS = {"node/flow": "flow", "node/wire": "wire", "tenants": "tenants"}
# Files over unit tests only where they are named: the engine has its score from the simulator.
ON_DEMAND = {folder: folder for folder in ENGINE}
# Folders whose unit tests are in another layer's folder as well, by how those begin.
ELSEWHERE = {"node/wire/h2": "tests/unit/loop/h2_"}
# The names of the rules for a command line: not in a node.
NOT_ENGINE = {"sync/engine/engine_rules.c"}


def sources(over, named):
    """Paths of the C files in scope, below the files and folders `named` if there are some."""
    folders = ENGINE if over == "sim" else tuple(LAYERS) + (tuple(ON_DEMAND) if named else ())
    found = []
    for folder in folders:
        for where, _, names in os.walk(os.path.join(TOP, folder)):
            found += [os.path.relpath(os.path.join(where, name), TOP) for name in names if name.endswith(".c")]
    named = [os.path.relpath(os.path.abspath(name), TOP) if os.path.exists(name) else name for name in named]
    return sorted(path for path in found if path not in NOT_ENGINE and
                  (not named or any(path == name or path.startswith(name.rstrip("/") + "/") for name in named)))


def target_of(test):
    """The program of a test file, as tests/CMakeLists.txt calls it."""
    layer = os.path.relpath(test, "tests/unit").split(os.sep)[0]
    return "unit_%s_%s" % (layer, os.path.splitext(os.path.basename(test))[0])


def tests_below(folder):
    """Paths of the unit tests below a folder."""
    return [os.path.relpath(os.path.join(where, name), TOP) for where, _, names in os.walk(os.path.join(TOP, folder))
            for name in names if name.endswith("_test.c")]


def tests_of(path):
    """All unit tests of the file's layer, of the engine those of its folder: first those that share most of its name, then those in its folder."""
    layers = {**LAYERS, **ON_DEMAND}
    folder = next(folder for folder in layers if path.startswith(folder + "/"))
    layer = os.path.join("tests/unit", layers[folder])
    mirror = os.path.join(layer, os.path.relpath(os.path.dirname(path), folder))
    stem = os.path.splitext(os.path.basename(path))[0]
    tests = tests_below(layer)
    elsewhere = ELSEWHERE.get(os.path.dirname(path))
    if elsewhere is not None:
        tests += [test for test in tests_below(os.path.dirname(elsewhere)) if test.startswith(elsewhere)]

    def distance(test):
        name = os.path.basename(test)[:-len("_test.c")]
        same = len(os.path.commonprefix([name + "_", stem + "_"]))
        return (-same, os.path.normpath(mirror) != os.path.dirname(test), test)

    return [target_of(test) for test in sorted(tests, key=distance)]


def sample(mutants, size, seed):
    """A random part in random order. It stays the same for one seed: a mutant that comes or goes moves no other."""
    def rank(mutant):
        return hashlib.sha256(("%d %s" % (seed, mutant.key())).encode()).digest()

    return sorted(mutants, key=rank)[:size]
