#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""coverage_test.py - shows that the tool coverage finds each outcome that was not met, and each entry of its list that is
not true, in an export of llvm-cov for a small source."""

import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "coverage")
LOADER = importlib.machinery.SourceFileLoader("coverage", PATH)
coverage = importlib.util.module_from_spec(importlib.util.spec_from_loader("coverage", LOADER))
LOADER.exec_module(coverage)

FILE = "sync/engine/a.c"
SOURCE = """int weir_a(int x, int y)
{
    WEIR_ASSERT(x > 0 &&
                y > 0);
    if (x > 5 || y > 5)
        return 1;
    if (engine_has(e, WEIR_RULE_A) && x > 5)
        return 2;
    return x == 1 ? 3 : !engine_has(e, WEIR_RULE_B);
}
"""


class CoverageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        os.makedirs(os.path.join(self.top, "sync/engine"))
        with open(os.path.join(self.top, FILE), "w", encoding="utf-8") as file:
            file.write(SOURCE)

    def function(self, branches, count=7, name="weir_a", file=FILE):
        return {"name": name, "count": count, "filenames": [os.path.join(self.top, file)],
                "regions": [[1, 1, 10, 2, count, 0, 0, 0]],
                "branches": [branch if len(branch) == 9 else [*branch, 0, 0, 4] for branch in branches]}

    def place(self, text, number=1):
        """Where the text stands: [line, column, end line, end column]."""
        at = -1
        for _ in range(number):
            at = SOURCE.index(text, at + 1)
        line = SOURCE.count("\n", 0, at) + 1
        column = at - SOURCE.rfind("\n", 0, at)
        return [line, column, line, column + len(text)]

    def not_met(self, *functions):
        found = coverage.outcomes(functions, self.top)
        return [(key.text, key.outcome) for key, _, times in found if times == 0]

    def list_of(self, text):
        path = os.path.join(self.top, "list.tsv")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return coverage.read_list(path)

    def test_each_outcome_that_no_run_met_is_found(self):
        branches = [[*self.place("x > 5"), 0, 7], [*self.place("y > 5"), 7, 0]]
        self.assertEqual(self.not_met(self.function(branches)), [("x > 5", "true"), ("y > 5", "false")])

    def test_a_condition_that_was_never_reached_is_left_to_the_one_before_it(self):
        branches = [[*self.place("x > 5"), 7, 0], [*self.place("y > 5"), 0, 0]]
        self.assertEqual(self.not_met(self.function(branches)), [("x > 5", "false")])

    def test_a_function_that_was_never_called_is_found_once(self):
        branches = [[*self.place("x > 5"), 0, 0]]
        self.assertEqual(self.not_met(self.function(branches, count=0)), [("", "never called")])

    def test_two_conditions_of_the_same_text_are_told_apart(self):
        branches = [[*self.place("x > 5"), 3, 4], [*self.place("x > 5", 2), 0, 4]]
        self.assertEqual(self.not_met(self.function(branches)), [("x > 5 #2", "true")])

    def test_conditions_in_contracts_and_macros_are_left_out(self):
        branches = [[*self.place("x > 0"), 7, 0], [*self.place("y > 0"), 7, 0], [1, 1, 1, 5, 7, 0, 1, 0, 4]]
        self.assertEqual(self.not_met(self.function(branches)), [])

    def test_a_rule_need_not_be_left_out_but_must_be_asked_for(self):
        branches = [[*self.place("engine_has(e, WEIR_RULE_A)"), 7, 0], [*self.place("!engine_has(e, WEIR_RULE_B)"), 0, 7]]
        found = coverage.outcomes([self.function(branches)], self.top)
        self.assertEqual([(key.text, key.outcome) for key, _, _ in found if key.text],
                         [("engine_has(e, WEIR_RULE_A)", "true"), ("!engine_has(e, WEIR_RULE_B)", "false")])

    def test_a_function_of_a_header_is_met_when_one_of_those_that_include_it_meets_it(self):
        place = self.place("x > 5")
        self.assertEqual(self.not_met(self.function([[*place, 7, 0]], name="b.c:weir_a"),
                                      self.function([[*place, 0, 7]], name="c.c:weir_a"),
                                      self.function([[*place, 0, 0]], name="d.c:weir_a", count=0)), [])

    def test_other_folders_are_not_of_the_engine(self):
        self.assertEqual(self.not_met(self.function([], count=0, file="node/base/b.c")), [])

    def test_what_is_listed_is_no_fault(self):
        found = coverage.outcomes([self.function([[*self.place("x > 5"), 0, 7]])], self.top)
        entries = self.list_of(f"# a comment\n\n{FILE}\tweir_a\tx > 5\ttrue\tmemory\n")
        self.assertEqual(coverage.judge(found, entries), [])

    def test_what_is_not_listed_is_a_fault(self):
        found = coverage.outcomes([self.function([[*self.place("x > 5"), 0, 7]])], self.top)
        wrong = coverage.judge(found, self.list_of(f"{FILE}\tweir_a\tx > 5\tfalse\tmemory\n"))
        self.assertEqual([words for _, _, words in wrong], ["not met", "met 7 times"])

    def test_an_entry_that_names_nothing_is_a_fault(self):
        found = coverage.outcomes([self.function([[*self.place("x > 5"), 7, 7]])], self.top)
        wrong = coverage.judge(found, self.list_of(f"{FILE}\tweir_a\tx > 6\ttrue\tmemory\n"))
        self.assertEqual([words for _, _, words in wrong], ["names nothing"])

    def test_what_is_listed_behind_an_outcome_that_is_not_met_is_a_fault(self):
        branches = [[*self.place("x > 5"), 7, 0], [*self.place("y > 5"), 0, 0]]
        found = coverage.outcomes([self.function(branches)], self.top)
        wrong = coverage.judge(found, self.list_of(f"{FILE}\tweir_a\tx > 5\tfalse\tmemory\n{FILE}\tweir_a\ty > 5\ttrue\tmemory\n"))
        self.assertEqual([(key.text, words.split(":")[0]) for _, key, words in wrong], [("y > 5", "was not reached")])

    def test_a_rare_outcome_may_be_met_or_not_but_must_be_one(self):
        for met in (0, 7):
            found = coverage.outcomes([self.function([[*self.place("x > 5"), met, 7]])], self.top)
            self.assertEqual(coverage.judge(found, self.list_of(f"{FILE}\tweir_a\tx > 5\ttrue\trare\n")), [])
        wrong = coverage.judge(found, self.list_of(f"{FILE}\tweir_a\tx > 6\ttrue\trare\n"))
        self.assertEqual([words for _, _, words in wrong], ["names nothing"])

    def test_a_line_that_is_no_entry_is_refused(self):
        for line in (f"{FILE}\tweir_a\tx > 5\ttrue\n", f"{FILE}\tweir_a\tx > 5\ttrue\tbecause\n",
                     2 * f"{FILE}\tweir_a\tx > 5\ttrue\tmemory\n"):
            with self.assertRaises(ValueError):
                self.list_of(line)


if __name__ == "__main__":
    unittest.main()
