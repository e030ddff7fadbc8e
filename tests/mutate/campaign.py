# SPDX-License-Identifier: Apache-2.0
"""campaign.py - which mutants were asked for, what is known of them and what is not yet: runs those, and reports."""

import concurrent.futures
import os
import tempfile
import time

import judge
import scope
import table
from build import TOP, configured
from operators import mutants_of


class Campaign:
    """The mutants that were asked for, what is known of them, and what is not yet."""

    def __init__(self, options):
        self.options = options
        self.paths = scope.sources(options.over, options.file)
        self.texts = {}
        for path in self.paths:
            with open(os.path.join(TOP, path), encoding="utf-8") as file:
                self.texts[path] = file.read()
        self.all = [mutant for path in self.paths for mutant in mutants_of(path, self.texts[path])]
        text = ""
        if os.path.exists(options.accepted):
            with open(options.accepted, encoding="utf-8") as file:
                text = file.read()
        self.accepted = table.Accepted(text)
        self.errors = self.accepted.errors + ["accepted, but there is no such mutant: %s" % " | ".join(name)
                                              for name in self.accepted.stale(self.all, set(self.paths))]
        chosen = [mutant for mutant in self.all if (options.line is None or mutant.line == options.line) and
                  (not options.operator or mutant.operator in options.operator)]
        if options.survivors_of is not None:
            rows = table.Table(options.survivors_of, None).rows
            chosen = [mutant for mutant in chosen if rows.get(mutant.key(), {}).get("verdict") == "survived"]
        self.chosen = scope.sample(chosen, options.sample, options.seed) if options.sample is not None else chosen
        self.score = table.Score()
        self.table = None
        self.ended = False

    def list(self):
        for mutant in self.chosen:
            print("%s:%d: %s: %s: %s" % (mutant.path, mutant.line, mutant.function, mutant.operator, mutant.change))

    def targets(self):
        if self.options.over == "sim":
            return [judge.Seeds.TARGET]
        return sorted({target for path in self.paths for target in scope.tests_of(path)})

    def run(self):
        options = self.options
        build = configured(os.path.join(TOP, "build/mutate"), self.targets(), options.jobs)
        programs = b""
        for target in self.targets():
            with open(build.program(target), "rb") as file:
                programs += file.read()
        self.table = table.Table(options.table, table.digest(programs))
        if options.over == "sim":
            found_by = judge.Seeds(build, options.first, options.last)
        else:
            found_by = judge.Tests(build, {path: scope.tests_of(path) for path in self.paths})
        with tempfile.TemporaryDirectory(prefix="weir-mutate-") as folder:
            self._run_all(build, found_by, folder)

    def _run_all(self, build, found_by, folder):
        """Workers take mutants from one iterator, each in a folder of its own."""
        queue = iter(enumerate(self.chosen, 1))
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            folders = [os.path.join(folder, str(number)) for number in range(self.options.jobs)]
            for each in folders:
                os.mkdir(each)
            futures = [pool.submit(self._work, build, found_by, each, queue) for each in folders]
            try:
                for future in concurrent.futures.as_completed(futures):
                    future.result()
            finally:
                self.ended = True  # the others end the mutant that they are at

    def _work(self, build, found_by, folder, queue):
        for number, mutant in queue:
            if self.ended:
                return
            row = self._one(build, found_by, folder, mutant)
            if row is not None:
                print("%d/%d %s:%d: %s: %s: %s%s" % (number, len(self.chosen), mutant.path, mutant.line, mutant.operator,
                                                     mutant.change, row["verdict"], shown_how(row)), flush=True)

    def _one(self, build, found_by, folder, mutant):
        """Run one mutant, unless that was done. @return its new row, or None"""
        source = self._digest(mutant)
        before = None if self.options.fresh else self.table.find(mutant, source)
        if not self._must_run(mutant, before):
            return None
        started = time.monotonic()
        made, why = build.make(mutant.path, mutant.apply(self.texts[mutant.path]), folder)
        verdict = judge.Verdict(why) if made is None else found_by.judge(mutant, made, folder, before)
        return self.table.add(mutant, source, verdict, time.monotonic() - started)

    def _digest(self, mutant):
        return table.digest(self.texts[mutant.path].encode())

    def _must_run(self, mutant, before):
        if self.accepted.has(mutant) and not self.options.check_accepted:
            return False
        if before is None:
            return True
        return before["verdict"] == "survived" and self.options.over == "sim" and before["last"] < self.options.last

    def report(self):
        """Print survivors and score. @return the exit status"""
        if self.table is None:
            self.table = table.Table(self.options.table, None)
        survivors = []
        for mutant in sorted(self.chosen, key=lambda mutant: (mutant.path, mutant.line)):
            row = self.table.of_source(mutant, self._digest(mutant))
            verdict = row["verdict"] if row is not None else None
            if self.accepted.has(mutant):
                if verdict in ("killed", "equivalent", "invalid"):
                    self.errors.append("accepted, but %s: %s" % (verdict, " | ".join(mutant.name())))
                verdict = "accepted"
            if verdict is not None:
                self.score.add(mutant.path, verdict)
            if verdict == "survived":
                survivors.append((mutant, row))
        for mutant, row in survivors:
            print("survived: %s:%d: %s: %s: %s%s" % (mutant.path, mutant.line, mutant.function, mutant.operator,
                                                     mutant.change, shown_how(row)))
        for line in self.score.lines():
            print(line)
        for error in self.errors:
            print("error: %s" % error)
        percent = table.percent(self.score.total())
        if percent is not None and percent < self.options.floor:
            print("error: %.1f %% is below %.1f %%" % (percent, self.options.floor))
            return 1
        return 1 if self.errors else 0


def shown_how(row):
    if row["verdict"] == "killed":
        return " (%s%s)" % ("seed %d: " % row["seed"] if row["seed"] is not None else "", row["how"])
    if row["verdict"] == "survived" and row["same"]:
        return " (no figure of any run changed)"
    return ""
