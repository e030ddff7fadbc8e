# SPDX-License-Identifier: Apache-2.0
"""table.py - what became of each mutant: one line of JSON for each in a file that a later run goes on with; the list of
accepted survivors; and the score.
"""

import hashlib
import json
import os
import threading

COLUMNS = ("file", "function", "operator", "line", "change", "reason")
COUNTED = ("killed", "survived")


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


class Table:
    """Rows by the mutant's key. A row holds while its file is the same; one that survived only while the programs are
    the same that looked for it, too: what was noticed once is taken as noticed by better tests."""

    def __init__(self, path, programs):
        self.path, self.programs = path, programs
        self.lock = threading.Lock()
        self.rows = {}
        if os.path.exists(path):
            with open(path, "r+", encoding="utf-8") as file:
                text = file.read()
                whole = text[:text.rfind("\n") + 1]
                if whole != text:  # a run was ended while it wrote
                    file.seek(0)
                    file.write(whole)
                    file.truncate()
            for line in whole.splitlines():
                row = json.loads(line)
                self.rows[row["key"]] = row

    def of_source(self, mutant, source_digest):
        """The row of a mutant, made when its file was the same, or None."""
        row = self.rows.get(mutant.key())
        return row if row is not None and row["source"] == source_digest else None

    def find(self, mutant, source_digest):
        """The row of a mutant, or None: it must be run."""
        row = self.of_source(mutant, source_digest)
        if row is not None and row["verdict"] == "survived" and row["programs"] != self.programs:
            return None
        return row

    def add(self, mutant, source_digest, verdict, seconds):
        row = {"key": mutant.key(), "file": mutant.path, "line": mutant.line, "function": mutant.function,
               "operator": mutant.operator, "text": mutant.text, "change": mutant.change, "verdict": verdict.verdict,
               "how": verdict.how, "seed": verdict.seed, "last": verdict.last, "same": verdict.same,
               "seconds": round(seconds, 1), "source": source_digest, "programs": self.programs}
        self.rows[row["key"]] = row
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        with self.lock, open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        return row


class Accepted:
    """Survivors that a reviewer accepted: a file with tabs between file, function, operator, line, change, reason."""

    def __init__(self, text):
        self.reasons = {}
        self.errors = []
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = line.split("\t")
            if len(parts) != len(COLUMNS) or not all(part.strip() for part in parts):
                self.errors.append("line %d: not %s, with a tab between each" % (number, ", ".join(COLUMNS)))
            elif tuple(parts[:-1]) in self.reasons:
                self.errors.append("line %d: stands there twice" % number)
            else:
                self.reasons[tuple(parts[:-1])] = parts[-1]

    def has(self, mutant):
        return mutant.name() in self.reasons

    def stale(self, mutants, paths):
        """Entries for the files `paths` that no mutant has the name of."""
        names = {mutant.name() for mutant in mutants}
        return [name for name in self.reasons if name[0] in paths and name not in names]


class Score:
    """Sums of verdicts by file."""

    def __init__(self):
        self.counts = {}

    def add(self, path, verdict):
        counts = self.counts.setdefault(path, {})
        counts[verdict] = counts.get(verdict, 0) + 1

    def total(self):
        total = {}
        for counts in self.counts.values():
            for verdict, number in counts.items():
                total[verdict] = total.get(verdict, 0) + number
        return total

    def lines(self):
        for path in sorted(self.counts):
            yield "%-40s %s" % (path, described(self.counts[path]))
        yield "%-40s %s" % ("all", described(self.total()))


def percent(counts):
    """Of those that can be noticed, how many were; an accepted survivor is one that was not. None: there are none."""
    alive = counts.get("survived", 0) + counts.get("accepted", 0)
    number = counts.get("killed", 0) + alive
    return 100.0 * counts.get("killed", 0) / number if number else None


def described(counts):
    score = percent(counts)
    return "%7s  %4d killed, %3d survived, %3d accepted, %3d equivalent, %3d invalid" % (
        "-" if score is None else "%.1f %%" % score, counts.get("killed", 0), counts.get("survived", 0),
        counts.get("accepted", 0), counts.get("equivalent", 0), counts.get("invalid", 0))
