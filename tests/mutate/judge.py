# SPDX-License-Identifier: Apache-2.0
"""judge.py - runs a mutant until something notices it: the seeds of the simulator, or the unit tests of its layer.

A run may take a multiple of the time that the program itself takes, by the CPU and by the clock; more counts as noticed.
"""

import os
import re
import resource
import signal
import subprocess
import threading
import time

TIMES = 8  # as long as the program itself, of each
LEAST_S = 5
BUSY = 3  # the clock's share of a process on a busy host
MEMORY_KB = 4 << 20
SEEDS_FIRST = 20
SEEDS_MORE = 130
BROKEN = re.compile(r"seed (\d+): (.*); replay: ")


class Verdict:
    """What became of a mutant: `killed` by a seed or a test, or `survived` up to the seed `last`. `same`: the figures
    of all runs were those without a mutant, so that its code had no effect, or never ran."""

    def __init__(self, verdict, how="", seed=None, last=None, same=None):
        self.verdict, self.how, self.seed, self.last, self.same = verdict, how, seed, last, same


class Limit:
    """How long a run may take, after what the program itself took."""

    def __init__(self, cpu_s, clock_s):
        self.cpu_s = int(LEAST_S + TIMES * cpu_s)
        self.clock_s = BUSY * self.cpu_s + TIMES * clock_s


UNLIMITED = Limit(3600, 3600)


def run(argv, limit, folder):
    """Run a program within limits. @return (exit status or None: out of time, its output)"""
    limits = 'ulimit -c 0; ulimit -t %d; ulimit -v %d; exec "$@"' % (limit.cpu_s, MEMORY_KB)
    process = subprocess.Popen(["bash", "-c", limits, "bash"] + argv, cwd=folder, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        out, _ = process.communicate(timeout=limit.clock_s)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        status = None
    return status, out.decode("utf-8", "replace")


def measure(argv, folder):
    """(CPU seconds, seconds, output) of a run that must succeed."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    status, out = run(argv, UNLIMITED, folder)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    if status != 0:
        raise RuntimeError("%s fails without a mutant:\n%s" % (" ".join(argv), out[-2000:]))
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended - started, out


def batches(first, last):
    """Seeds in parts: a few first, so that an endless loop is soon found."""
    size = SEEDS_FIRST
    while first <= last:
        end = min(first + size - 1, last)
        yield first, end
        first, size = end + 1, SEEDS_MORE


class Seeds:
    """The simulator over seeds first..last."""

    TARGET = "weir-sim"

    def __init__(self, build, first, last):
        self.build, self.first, self.last = build, first, last
        self.lock = threading.Lock()
        self.figures = {}
        begin, end = next(batches(first, last))
        cpu_s, _, out = measure(self._argv(build.program(self.TARGET), begin, end), build.folder)
        self.seed_s = cpu_s / (end - begin + 1)
        self.figures[(begin, end)] = out

    def _argv(self, program, first, last):
        return [program, "--until-failure", "--seeds", "%d..%d" % (first, last)]

    def _figures_of(self, begin, end):
        """What the program prints without a mutant. Asked for only where a mutant survived."""
        with self.lock:
            if (begin, end) not in self.figures:
                status, out = run(self._argv(self.build.program(self.TARGET), begin, end), UNLIMITED,
                                  self.build.folder)
                if status != 0:
                    raise RuntimeError("seeds %d..%d do not hold without a mutant:\n%s" % (begin, end, out[-2000:]))
                self.figures[(begin, end)] = out
            return self.figures[(begin, end)]

    def judge(self, mutant, made, folder, before):
        """@param before  the mutant's row of an earlier run over fewer seeds, or None"""
        program = self.build.link(self.TARGET, made, folder)
        if program is None:
            return Verdict("invalid", "does not link")
        same = before is None or before["same"]
        for begin, end in batches(self.first if before is None else before["last"] + 1, self.last):
            status, out = run(self._argv(program, begin, end), self._limit(begin, end), folder)
            if status != 0:
                return self._killed(status, out, begin)
            same = same and self._figures_of(begin, end) == out
        return Verdict("survived", last=self.last, same=same)

    def _limit(self, begin, end):
        return Limit(self.seed_s * (end - begin + 1), 0)

    def _killed(self, status, out, begin):
        broken = BROKEN.search(out)
        if status == 1 and broken:
            return Verdict("killed", broken.group(2)[:120], seed=int(broken.group(1)))
        return Verdict("killed", "out of time" if status is None else "exit status %d" % status, seed=begin)


class Tests:
    """The unit tests of the layer: those that are called like the file come first."""

    def __init__(self, build, tests_of):
        self.build, self.tests_of = build, tests_of
        self.limits = {}
        self.folder = os.path.join(build.folder, "tests")
        for target in sorted({target for targets in tests_of.values() for target in targets}):
            cpu_s, clock_s, _ = measure([build.program(target)], self.folder)
            self.limits[target] = Limit(cpu_s, clock_s)

    def judge(self, mutant, made, folder, before):
        for target in self.tests_of[mutant.path]:
            program = self.build.link(target, made, folder)
            if program is None:
                return Verdict("invalid", "does not link")
            status, _ = run([program], self.limits[target], self.folder)
            os.unlink(program)
            if status != 0:
                return Verdict("killed", target + (": out of time" if status is None else ""))
        return Verdict("survived")

