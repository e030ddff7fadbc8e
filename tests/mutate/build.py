# SPDX-License-Identifier: Apache-2.0
"""build.py - builds a mutant as one object and links it before the archives of a program that is built already, so that
the archive's member of that name is not taken. CMake runs once, at the start.
"""

import json
import os
import re
import shlex
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OPTIONS = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O1 -g0", "-DWEIR_LTO=OFF"]
OUTPUT = re.compile(r" -o \S+\.o ")
# The engine of a node has no switch for its rules: a mutant that is the same there is none.
SWITCH = "-DWEIR_ENGINE_RULES"


class BuildFailed(Exception):
    """The program itself, without any mutant, was not built."""


def command(argv, folder):
    done = subprocess.run(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailed("%s\n%s" % (shlex.join(argv), done.stdout[-4000:]))
    return done.stdout


def configured(folder, targets, jobs):
    """Configure and build the programs of `targets`, unmutated. @return a Build"""
    command(["cmake", "-S", TOP, "-B", folder] + OPTIONS, TOP)
    command(["cmake", "--build", folder, "-j", str(jobs), "--target"] + targets, TOP)
    links = {target: link_of(command(["ninja", "-t", "commands", target], folder)) for target in targets}
    linked = command(["ninja", "-t", "commands"] + targets, folder)
    compiles = {}
    with open(os.path.join(folder, "compile_commands.json"), encoding="utf-8") as file:
        for entry in json.load(file):
            path = os.path.relpath(entry["file"], TOP)
            # The engine is compiled twice: for a node and for the simulator.
            if OUTPUT.search(entry["command"]).group() in linked and (path not in compiles or SWITCH in entry["command"]):
                compiles[path] = compile_of(entry["command"])
    return Build(TOP, folder, links, compiles)


def link_of(commands):
    """The last of the commands that make a program: that which links it."""
    return [word for word in shlex.split(commands.strip().split("\n")[-1]) if word not in (":", "&&")]


def compile_of(line):
    """A compile command without its source and outputs. Warnings are off: most mutants leave something unused."""
    argv, skip = [], False
    for word in shlex.split(line):
        if skip:
            skip = False
        elif word in ("-o", "-c", "-MT", "-MF"):
            skip = True
        elif word != "-MD":
            argv.append(word)
    return argv + ["-w"]


class Build:
    """A build folder with unmutated programs: how each is linked, and how each source below `top` is compiled."""

    def __init__(self, top, folder, links, compiles):
        self.top, self.folder, self.links, self.compiles = top, folder, links, compiles
        self.originals = {}

    def program(self, target):
        argv = self.links[target]
        return os.path.join(self.folder, argv[argv.index("-o") + 1])

    def _object(self, path, text, folder, argv):
        """Compile a text as if it stood in the file `path`. @return the object's path, or None: it does not compile"""
        source, made = os.path.join(folder, "mutant.c"), os.path.join(folder, "mutant.o")
        with open(source, "w", encoding="utf-8") as file:
            file.write('# 1 "%s"\n%s' % (os.path.join(self.top, path), text))
        done = subprocess.run(argv + ["-c", source, "-o", made], cwd=self.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
        return made if done.returncode == 0 else None

    def _code(self, path, text, folder):
        """The optimised object as a node has it, or None."""
        argv = [word for word in self.compiles[path] if word != SWITCH]
        made = self._object(path, text, folder, argv + ["-O2"])
        if made is None:
            return None
        with open(made, "rb") as file:
            return file.read()

    def original_code(self, path, folder):
        """The object's code without a mutation, to compare with."""
        key = (path, folder)
        if key not in self.originals:
            with open(os.path.join(self.top, path), encoding="utf-8") as file:
                self.originals[key] = self._code(path, file.read(), folder)
            if self.originals[key] is None:
                raise BuildFailed("%s does not compile without a mutation" % path)
        return self.originals[key]

    def make(self, path, text, folder):
        """Compile a mutant in a worker's folder. @return (object's path, None), or (None, why there is none)"""
        code = self._code(path, text, folder)
        if code is None:
            return None, "invalid"
        if code == self.original_code(path, folder):
            return None, "equivalent"
        made = self._object(path, text, folder, self.compiles[path])
        return (made, None) if made is not None else (None, "invalid")

    def link(self, target, made, folder):
        """The program `target` with the object `made` in place of its own. @return its path, or None"""
        argv = list(self.links[target])
        program = os.path.join(folder, target)
        at = argv.index("-o")
        argv[at:at + 2] = [made, "-o", program]
        done = subprocess.run(argv, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return program if done.returncode == 0 else None
