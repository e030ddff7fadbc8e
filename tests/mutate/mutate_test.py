#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""mutate_test.py - shows which mutants are made of which lines, and that what is noticed and what is not is told apart."""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import judge  # noqa: E402
import scope  # noqa: E402
import table  # noqa: E402
from build import TOP, Build, compile_of, link_of  # noqa: E402
from campaign import Campaign  # noqa: E402
from operators import mutants_of  # noqa: E402
from source import Source  # noqa: E402


def made(text, *operators):
    """The changes of these operators that are made of a text, in the order of their places."""
    return [mutant.change for mutant in mutants_of("a.c", text) if mutant.operator in operators]


def body(statements, returns="void"):
    return "%s f(struct s *s, int n)\n{\n%s\n}\n" % (returns, statements)


class SourceTest(unittest.TestCase):
    def test_functions_tables_and_limits_are_found_and_types_are_not(self):
        source = Source("#define MAX 3\n#define ADD(a) (a + 1)\nstruct s { int n; };\nenum e { A = 1 };\n"
                        "static const int rows[2] = { 1, 2 };\nstatic enum weir_err f(void)\n{\n}\n")
        self.assertEqual([(region.kind, region.name, region.returns) for region in source.regions],
                         [("table", "rows", ""), ("function", "f", "static enum weir_err")])
        self.assertEqual([name for name, _ in source.limits()], ["MAX"])

    def test_comments_strings_and_directives_hold_no_code(self):
        self.assertEqual(made(body('/* a = 1; */ // b = 2;\n#define X \\\n s->n = 3\n g("c = 4; \\" if (x)", \'{\');'),
                              "drop", "field"), ["without g(\"c = 4; \\\" if (x)\", '{')"])


class OperatorTest(unittest.TestCase):
    def test_a_condition_and_each_part_of_it_is_negated(self):
        self.assertEqual(made(body("if (a && g(b))\nreturn;"), "negate"), ["!(a && g(b))", "!(a)", "!(g(b))"])

    def test_an_equality_is_turned_once(self):
        text = body("if (n == 1)\nreturn;")
        self.assertEqual(made(text, "negate"), [])
        self.assertEqual(made(text, "compare"), ["== becomes != in n == 1"])

    def test_a_check_is_dropped_as_a_whole_and_in_parts(self):
        text = body("if (a && (b || c))\nreturn;")
        self.assertEqual(made(text, "check"), ["never: a && (b || c)", "without && a", "without && (b || c)",
                                               "without || b", "without || c"])
        edited = {mutant.change: mutant.apply(text) for mutant in mutants_of("a.c", text)}
        self.assertIn("if ((a && (b || c)) && 0)", edited["never: a && (b || c)"])
        self.assertIn("if (((a) || 1) && (b || c))", edited["without && a"])
        self.assertIn("(b || ((c) && 0))", edited["without || c"])

    def test_an_or_of_ands_has_the_ands_as_parts(self):
        self.assertEqual(made(body("return a && b || c;", "bool"), "check"),
                         ["without && a", "without || a && b", "without && b", "without || c"])

    def test_a_comparison_is_off_by_one_or_turned(self):
        self.assertEqual(made(body("while (n < s->num)\nn++;"), "compare"),
                         ["< becomes <= in n < s->num", "< becomes > in n < s->num"])

    def test_arrows_and_shifts_are_no_comparisons(self):
        self.assertEqual(made(body("s->n = n << 2 >> 1;"), "compare"), [])

    def test_statements_are_dropped_and_declarations_are_not(self):
        self.assertEqual(made(body("int a = 1;\nstruct t *t = g();\nuint8_t b[4];\ng(a);\na += 2;\nn++;\nx = 3;"), "drop"),
                         ["without g(a)", "without a += 2", "without n++", "without x = 3"])

    def test_statements_are_found_behind_each_kind_of_head(self):
        self.assertEqual(made(body("for (int i = 0; i < n; i++)\ng1();\ndo {\ng2();\n} while (n);\nif (n)\ng3();\nelse\n"
                                   "g4();\nswitch (n) {\ncase A:\ng5();\nbreak;\n}\nEACH(s, t) {\ng6();\n}\nout:\ng7();"), "drop"),
                         ["without g%d()" % number for number in range(1, 8)])

    def test_members_that_are_set_and_copies_have_operators_of_their_own(self):
        text = body("s->n = 1;\ns->list[n].x = g(n);\nmemcpy(a, b, n);\nlocal[n] = 1;")
        self.assertEqual(made(text, "field"), ["without s->n = 1", "without s->list[n].x = g(n)"])
        self.assertEqual(made(text, "copy"), ["without memcpy(a, b, n)"])

    def test_entries_of_initialisers_are_dropped_one_by_one(self):
        text = body("struct t t = {\n.a = g(1, 2),\n.in = { .b = n },\n.c = 3 };")
        self.assertEqual(made(text, "field"), ["without .a = g(1, 2)", "without .in = { .b = n }", "without .b = n", "without .c = 3"])
        self.assertEqual(made("static const int rows[] = {\n[A] = B | C,\n[D] = 0,\n};\n", "field"),
                         ["without [A] = B | C", "without [D] = 0"])

    def test_numbers_truths_and_limits_become_others(self):
        self.assertEqual(made(body("g(2, true);\nint a[4];\nstruct t t = { 0 };\nif (n < 0)\nreturn;"), "constant"),
                         ["2 becomes 3 in g(2,", "true becomes false in 2, true)"])
        self.assertEqual(made("#define A 3\n#define B UINT64_C(0x1000) /* us */\n#define C \"5\"\n", "constant"),
                         ["3 becomes 4 in 3", "0x1000 becomes 8192 in UINT64_C(0x1000)"])

    def test_functions_return_early_where_their_type_has_a_plain_value(self):
        self.assertEqual(made(body("g();"), "early"), ["returns nothing at once"])
        self.assertEqual(made(body("return true;", "static bool"), "early"), ["returns true at once", "returns false at once"])
        self.assertEqual(made(body("return g();", "WEIR_MUST_USE enum weir_err"), "early"), ["returns WEIR_OK at once"])
        self.assertEqual(made(body("return g();", "const struct t *"), "early"), [])

    def test_contracts_and_logs_are_not_touched(self):
        self.assertEqual(mutants_of("a.c", "_Static_assert(A == 3, \"\");\nint f(void)\n{\nWEIR_ASSERT(a == 1 && b);\n"
                                    "WEIR_DCHECK(n < 2);\nlog_warn(\"x\", \"%d\", 1);\nreturn n;\n}\n"), [])

    def test_no_mutant_moves_a_line(self):
        text = body("s->a =\n  g(1,\n 2);\nif (a &&\n b)\n memcpy(a,\n b, 3);\nstruct t t = {\n .x =\n 1,\n .y = 2 };")
        for mutant in mutants_of("a.c", text):
            self.assertEqual(mutant.apply(text).count("\n"), text.count("\n"), mutant.change)
            self.assertNotEqual(mutant.apply(text), text)

    def test_two_mutants_of_one_name_have_two_keys(self):
        keys = [mutant.key() for mutant in mutants_of("a.c", body("g(); g();")) if mutant.operator == "drop"]
        self.assertEqual(len(set(keys)), 2)


class NamesTest(unittest.TestCase):
    TEXT = body("g(1);\nif (a && b)\ng(2);")

    def test_a_mutant_is_called_the_same_on_another_line(self):
        self.assertEqual([mutant.key() for mutant in mutants_of("a.c", self.TEXT)],
                         [mutant.key() for mutant in mutants_of("a.c", "\n\n" + self.TEXT.replace("\ng", "\n    g"))])

    def test_a_sample_stays_when_a_mutant_comes(self):
        some = mutants_of("a.c", self.TEXT)
        before = {mutant.key() for mutant in scope.sample(some, 5, 1)}
        after = {mutant.key() for mutant in scope.sample(some + mutants_of("b.c", body("n++;")), 5, 1)}
        self.assertGreaterEqual(len(before & after), 3)
        self.assertNotEqual(before, {mutant.key() for mutant in scope.sample(some, 5, 2)})

    def test_an_accepted_survivor_is_found_by_its_line_and_stale_without_it(self):
        mutants = mutants_of("a.c", self.TEXT)
        drop = next(mutant for mutant in mutants if mutant.operator == "drop")
        accepted = table.Accepted("# comment\n\n%s\tg is for later\n" % "\t".join(drop.name()))
        self.assertEqual([mutant for mutant in mutants if accepted.has(mutant)], [drop])
        self.assertEqual(accepted.stale(mutants, {"a.c"}), [])
        self.assertEqual(accepted.stale(mutants_of("a.c", body("g(2);")), {"a.c"}), [drop.name()])
        self.assertEqual(accepted.stale([], {"b.c"}), [])

    def test_an_entry_without_a_reason_or_written_twice_is_an_error(self):
        self.assertEqual(len(table.Accepted("a.c\tf\tdrop\tg();\twithout g()\t \n").errors), 1)
        self.assertEqual(len(table.Accepted("a.c\tf\tdrop\tg();\twithout g()\twhy\n" * 2).errors), 1)

    def test_the_tests_of_a_file_begin_with_those_that_are_called_like_it(self):
        tests = scope.tests_of("node/wire/uri.c")
        self.assertEqual(tests[0], "unit_wire_uri_test")
        self.assertIn("unit_wire_chunked_test", tests)
        self.assertNotIn("unit_loop_h2_test", tests)
        self.assertIn("unit_loop_h2_test", scope.tests_of("node/wire/h2/h2_codec.c"))
        engine = scope.tests_of("sync/version/vector.c")
        self.assertEqual(engine[0], "unit_sync_vector_test")
        self.assertNotIn("unit_sync_store_test", engine)
        self.assertEqual(scope.tests_of("tenants/schema/schema_yaml.c")[0], "unit_tenants_schema_yaml_test")


class ScoreTest(unittest.TestCase):
    def test_equivalent_and_invalid_ones_do_not_count_and_accepted_ones_do(self):
        self.assertEqual(table.percent({"killed": 3, "survived": 1, "equivalent": 5, "invalid": 2}), 75.0)
        self.assertEqual(table.percent({"killed": 3, "accepted": 1}), 75.0)
        self.assertIsNone(table.percent({"equivalent": 1}))


class CampaignTest(unittest.TestCase):
    """What a table of one of the engine's files is worth. Nothing is built."""

    PATH = "sync/engine/engine_retire.c"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.options = argparse.Namespace(
            over="sim", file=[self.PATH], line=None, operator=["drop"], survivors_of=None, sample=None, seed=1, first=1, last=800, jobs=1, fresh=False,
            table=os.path.join(folder.name, "table.jsonl"), accepted=os.path.join(folder.name, "accepted.tsv"),
            check_accepted=False, floor=0)
        self.drops = Campaign(self.options).chosen
        self.assertGreaterEqual(len(self.drops), 3)

    def report(self, verdicts, accepted="", floor=0):
        """@return (exit status, output) of a report over these verdicts of the first mutants"""
        with open(self.options.accepted, "w", encoding="utf-8") as file:
            file.write(accepted)
        self.options.floor = floor
        campaign = Campaign(self.options)
        with open(os.path.join(TOP, self.PATH), "rb") as file:
            source = table.digest(file.read())
        rows = table.Table(self.options.table, "p")
        for mutant, verdict in zip(self.drops, verdicts):
            rows.add(mutant, source, judge.Verdict(verdict, last=800, same=False), 1)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = campaign.report()
        return status, out.getvalue()

    def entry(self, mutant):
        return "\t".join(mutant.name()) + "\tfor a reason\n"

    def test_the_score_must_reach_the_floor(self):
        self.assertEqual(self.report(["killed", "survived"], floor=50)[0], 0)
        status, out = self.report(["killed", "survived"], floor=51)
        self.assertEqual(status, 1)
        self.assertIn("error: 50.0 % is below 51.0 %", out)

    def test_survivors_of_a_table_are_a_choice(self):
        self.report(["killed", "survived", "equivalent"])
        self.options.survivors_of = self.options.table
        self.assertEqual([mutant.key() for mutant in Campaign(self.options).chosen], [self.drops[1].key()])

    def test_an_accepted_survivor_counts_as_one_and_is_not_listed(self):
        status, out = self.report(["killed", "survived"], self.entry(self.drops[1]), floor=50)
        self.assertEqual(status, 0)
        self.assertIn("1 killed,   0 survived,   1 accepted", out)
        self.assertNotIn("survived: ", out)

    def test_an_accepted_one_that_is_noticed_or_gone_is_an_error(self):
        status, out = self.report(["killed", "killed"], self.entry(self.drops[1]))
        self.assertEqual(status, 1)
        self.assertIn("error: accepted, but killed: %s" % self.PATH, out)
        status, out = self.report(["killed"], self.PATH + "\tno_such\tdrop\tg();\twithout g()\twhy\n")
        self.assertEqual(status, 1)
        self.assertIn("there is no such mutant", out)


# A layer of one file, with a line that no seed and no test runs, and one that has no effect.
LAYER = """int weir_sum(int a, int b);
int weir_sum(int a, int b)
{
    if (a > 1000)
        b++;
    return a + 0 * b + b;
}
"""
TEST = """int weir_sum(int a, int b);
int main(void)
{
    return weir_sum(2, 3) == 5 ? 0 : 1;
}
"""
SIM = """#include <stdio.h>
#include <string.h>
int weir_sum(int a, int b);
int main(int argc, char **argv)
{
    int first = 0, last = 0;
    sscanf(argv[argc - 1], "%d..%d", &first, &last);
    for (int seed = first; seed <= last; seed++)
        if (weir_sum(seed, 100) != seed + 100 + (seed > 1000)) {
            printf("seed %d: the sum is wrong; replay: weir-sim --seed %d\\n", seed, seed);
            return 1;
        }
    puts("all hold");
    return 0;
}
"""


class JudgeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        os.mkdir(os.path.join(self.top, "tests"))
        os.mkdir(os.path.join(self.top, "work"))
        for name, text in (("sum.c", LAYER), ("sum_test.c", TEST), ("sim.c", SIM)):
            with open(os.path.join(self.top, name), "w", encoding="utf-8") as file:
                file.write(text)
            subprocess.run(["cc", "-O1", "-c", name], cwd=self.top, check=True)
        subprocess.run(["ar", "rcs", "libsum.a", "sum.o"], cwd=self.top, check=True)
        links = {}
        for target, main in (("unit_sum", "sum_test.o"), ("weir-sim", "sim.o")):
            links[target] = link_of("ar qc libsum.a sum.o\n: && cc %s -o tests/%s libsum.a && :\n" % (main, target))
            subprocess.run(links[target], cwd=self.top, check=True)
        compiles = {"sum.c": compile_of("cc -O1 -Wall -Werror -MD -MT sum.o -MF sum.o.d -o sum.o -c sum.c")}
        self.build = Build(self.top, self.top, links, compiles)
        self.mutants = {mutant.change: mutant for mutant in mutants_of("sum.c", LAYER)}

    def verdict(self, found_by, change, before=None):
        mutant = self.mutants[change]
        work = os.path.join(self.top, "work")
        made_object, why = self.build.make("sum.c", mutant.apply(LAYER), work)
        return judge.Verdict(why) if made_object is None else found_by.judge(mutant, made_object, work, before)

    def test_unit_tests_kill_what_they_notice(self):
        found_by = judge.Tests(self.build, {"sum.c": ["unit_sum"]})
        noticed = self.verdict(found_by, "!(a > 1000)")
        self.assertEqual((noticed.verdict, noticed.how), ("killed", "unit_sum"))
        self.assertEqual(self.verdict(found_by, "without b++").verdict, "survived")

    def test_seeds_kill_what_they_notice_and_the_seed_is_known(self):
        noticed = self.verdict(judge.Seeds(self.build, 990, 1100), "without b++")
        self.assertEqual((noticed.verdict, noticed.seed, noticed.how), ("killed", 1001, "the sum is wrong"))
        alive = self.verdict(judge.Seeds(self.build, 1, 30), "without b++")
        self.assertEqual((alive.verdict, alive.last, alive.same), ("survived", 30, True))

    def test_a_survivor_goes_on_where_it_was_left(self):
        seeds = judge.Seeds(self.build, 1, 1001)
        noticed = self.verdict(seeds, "without b++", {"last": 1000, "same": True})
        self.assertEqual((noticed.verdict, noticed.seed), ("killed", 1001))
        self.assertEqual(self.verdict(judge.Seeds(self.build, 1, 1000), "without b++", {"last": 990, "same": False}).same, False)

    def test_the_same_object_and_one_that_does_not_compile_are_told_apart(self):
        found_by = judge.Tests(self.build, {"sum.c": ["unit_sum"]})
        self.mutants["same"] = self.mutants["broken"] = self.mutants["without b++"]
        self.assertEqual(self.build.make("sum.c", LAYER.replace("0 * b", "0 * a"), os.path.join(self.top, "work")),
                         (None, "equivalent"))
        self.assertEqual(self.build.make("sum.c", LAYER.replace("0 * b", "0 * c"), os.path.join(self.top, "work")),
                         (None, "invalid"))
        self.assertEqual(self.verdict(found_by, "0 becomes 1 in a + 0 *").verdict, "killed")

    def test_an_endless_loop_and_an_endless_wait_are_ended(self):
        self.addCleanup(setattr, judge, "LEAST_S", judge.LEAST_S)
        judge.LEAST_S = 1
        found_by = judge.Tests(self.build, {"sum.c": ["unit_sum"]})
        work = os.path.join(self.top, "work")
        for text in (LAYER.replace("if (a > 1000)", "for (volatile int i = 1; i;)"),
                     "int pause(void);\n" + LAYER.replace("if (a > 1000)", "pause();")):
            endless, _ = self.build.make("sum.c", text, work)
            verdict = found_by.judge(self.mutants["without b++"], endless, work, None)
            self.assertEqual(verdict.verdict, "killed")

    def test_a_row_holds_while_its_file_and_for_survivors_the_programs_are_the_same(self):
        path = os.path.join(self.top, "table.jsonl")
        killed, alive = list(self.mutants.values())[:2]
        rows = table.Table(path, "p1")
        rows.add(killed, "s1", judge.Verdict("killed", "unit_sum"), 1)
        rows.add(alive, "s1", judge.Verdict("survived", last=30, same=True), 1)
        self.assertEqual(table.Table(path, "p1").find(alive, "s1")["last"], 30)
        self.assertIsNone(table.Table(path, "p2").find(alive, "s1"))
        self.assertEqual(table.Table(path, "p2").find(killed, "s1")["verdict"], "killed")
        self.assertIsNone(table.Table(path, "p1").find(killed, "s2"))

    def test_a_row_that_was_cut_off_is_left_out(self):
        path = os.path.join(self.top, "table.jsonl")
        first, second = list(self.mutants.values())[:2]
        table.Table(path, "p1").add(first, "s1", judge.Verdict("killed"), 1)
        with open(path, "a", encoding="utf-8") as file:
            file.write('{"key": "0123')
        table.Table(path, "p1").add(second, "s1", judge.Verdict("killed"), 1)
        self.assertEqual(set(table.Table(path, "p1").rows), {first.key(), second.key()})


if __name__ == "__main__":
    unittest.main(verbosity=1)
