#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tidy_test.py - shows that tidy.py finds what it promises to find, and nothing in a file that follows the rules."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402

HEAD = "/* SPDX-License-Identifier: Apache-2.0\n *\n * %s - for the test.\n */\n"


class TidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(setattr, tidy, "TOP", tidy.TOP)
        with open(os.path.join(tidy.TOP, ".clang-format"), encoding="utf-8") as file:
            style = file.read()
        for pending in ("INCLUDES", "DIVIDERS", "WORDS"):
            self.addCleanup(setattr, tidy.tidy_pending, pending, getattr(tidy.tidy_pending, pending))
            setattr(tidy.tidy_pending, pending, ())
        tidy.TOP = folder.name
        self.write(".clang-format", style)

    def write(self, path, text):
        full = os.path.join(tidy.TOP, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def found(self, path, body, head=None):
        self.write(path, (HEAD % os.path.basename(path) if head is None else head) + body)
        return [message for _, _, message in tidy.check_file((path, ["-I", tidy.TOP]))]

    def assert_one(self, messages, words):
        self.assertEqual(len(messages), 1, messages)
        self.assertIn(words, messages[0])

    def test_a_file_that_keeps_the_rules_has_no_finding(self):
        self.assertEqual(self.found("node/base/a.c", "#include <string.h>\n\nint weir_a(const char *s)\n{\n"
                                    "    return s[0] == '{' || strlen(s) > 3;\n}\n"), [])

    def test_an_include_that_points_up_is_found(self):
        self.write("node/flow/up.h", "")
        self.assert_one(self.found("node/base/a.c", '#include "node/flow/up.h"\n'), "base must not include flow")

    def test_the_store_is_open_to_tenants_and_the_rest_of_sync_is_not(self):
        self.write("sync/store/store.h", "")
        self.write("sync/engine/engine.h", "")
        self.assertEqual(self.found("tenants/a.c", '#include "sync/store/store.h"\n'), [])
        self.assert_one(self.found("tenants/b.c", '#include "sync/engine/engine.h"\n'), "tenants must not include engine")

    def test_a_private_header_is_for_its_folder_and_for_tests(self):
        self.write("tenants/x.h", HEAD % "x.h" + "struct weir_x; /* private to nobody */\n")
        self.write("tenants/y.h", (HEAD % "y.h").replace(" - ", " - private to tenants/: ", 1))
        self.assertEqual(self.found("node/ctl/a.c", '#include "tenants/x.h"\n'), [])
        self.assertEqual(self.found("tenants/a.c", '#include "tenants/y.h"\n'), [])
        self.assertEqual(self.found("tests/unit/a.c", '#include "tenants/y.h"\n'), [])
        self.assert_one(self.found("node/ctl/b.c", '#include "tenants/y.h"\n'), "private to tenants/")

    def test_a_private_header_may_name_the_folder_above(self):
        self.write("tests/sim/cluster/x.h", (HEAD % "x.h").replace(" - ", " - private to tests/sim/: ", 1))
        self.write("tests/sim/cluster/y.h", (HEAD % "y.h").replace(" - ", " - private to y*.c: ", 1))
        self.write("tests/sim/cluster/z.h", (HEAD % "z.h").replace(" - ", " - private to node/: ", 1))
        x, y, z = ('#include "tests/sim/cluster/%s.h"\n' % name for name in "xyz")
        self.assertEqual(self.found("tests/sim/runner/a.c", x), [])
        self.assertEqual(self.found("tests/sim/cluster/a.c", y), [])
        self.assertEqual(self.found("tests/sim/cluster/below/a.c", y), [])
        self.assertEqual(self.found("tests/unit/sim/a.c", y), [])
        self.assert_one(self.found("tests/sim/runner/b.c", y), "private to tests/sim/cluster/")
        self.assert_one(self.found("tests/support/b.c", x), "private to tests/sim/")
        self.assert_one(self.found("tests/sim/runner/c.c", z), "private to tests/sim/cluster/")

    def test_includes_have_one_order(self):
        self.write("node/base/a.h", "")
        self.write("node/base/b.h", "")
        self.write("node/base/c.h", "")
        good = ('#include "node/base/a.h"\n\n#include <errno.h>\n#include <string.h>\n\n'
                '#include "node/base/b.h"\n#include "node/base/c.h"\n')
        self.assertEqual(self.found("node/base/a.c", good), [])
        for bad in (good.replace("b.h", "d.h").replace("c.h", "b.h").replace("d.h", "c.h"),
                    good.replace("errno", "xx").replace("string", "errno").replace("xx", "string"),
                    good.replace("\n\n#include <errno", "\n#include <errno"),
                    good.replace("\n\n#include \"node/base/b", "\n#include \"node/base/b"),
                    '#include "node/base/a.h"\n\n#include "node/base/b.h"\n\n#include <errno.h>\n'):
            self.assert_one(self.found("node/base/a.c", bad), "includes are not in order")
            tidy.fix_file("node/base/a.c")
            with open(os.path.join(tidy.TOP, "node/base/a.c"), encoding="utf-8") as file:
                self.assertEqual([m for _, _, m in tidy.check_file(("node/base/a.c", ["-I", tidy.TOP]))], [], file.read())
        cmocka = "#include <setjmp.h>\n#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n\n#include <cmocka.h>\n"
        self.assertEqual(self.found("tests/unit/a.c", "#include <errno.h>\n" + cmocka), [])
        self.assert_one(self.found("tests/unit/a.c", cmocka.replace("setjmp", "string")), "includes are not in order")

    def test_a_list_of_what_is_pending_silences_its_folder_only(self):
        bad = "#include <string.h>\n#include <errno.h>\n"
        self.addCleanup(setattr, tidy.tidy_pending, "INCLUDES", tidy.tidy_pending.INCLUDES)
        tidy.tidy_pending.INCLUDES = ("node/base",)
        self.assertEqual(self.found("node/base/a.c", bad), [])
        self.assert_one(self.found("node/basement/a.c", bad), "includes are not in order")

    def test_section_dividers_have_one_form(self):
        self.assertEqual(self.found("node/base/a.c", "int weir_x;\n\n/* -- a - b -- */\n\n/* - no divider - */\n"), [])
        for divider in ("/* ---- a b ---- */", "/* -- a b */", "/*-- a b --*/", "/* === a b === */", "/* -- a b ---- */",
                        "/* -- a b\n * -------- */"):
            self.assert_one(self.found("node/base/a.c", "int weir_x;\n\n%s\n" % divider), "section divider")
            tidy.fix_file("node/base/a.c")
            with open(os.path.join(tidy.TOP, "node/base/a.c"), encoding="utf-8") as file:
                self.assertIn("\n/* -- a b -- */\n", file.read())

    def test_words_are_found_in_prose_and_in_names(self):
        for words in ("the own lane", "a peer who asks", "nodes\n * who ask", "The own"):
            self.assert_one(self.found("node/base/a.c", "int weir_x;\n\n/*\n * %s\n */\n" % words), "say")
        self.assert_one(self.found("node/base/README.md", "An endpoint who\n", head=""), "no persons")
        self.assert_one(self.found("proto/a.proto", "// the own\n", head="// SPDX-License-Identifier: Apache-2.0\n"),
                        "its own")
        for name in ("weir_answer", "num_answers", "WEIR_VERDICT_UP", "weir_parking_add", "keep_head", "num_kept",
                     "weir_keep_open", "WEIR_HEART_MS", "peer_greeted", "PACE_MIN", "WeirVerdict", "machine_facts"):
            self.assert_one(self.found("node/base/a.c", "int weir_x = %s;\n" % name), name + ": say ")
        for name in ("ListVerdict", "WEIR__V1__LIST_VERDICT__ALLOW", "list_verdict", "keep_alive", "keepalive_ms", "weir_space",
                     "heartbeat", "keep_underscores", "state_machine", "machine", "housekeeping", "value_is_kept_whole"):
            self.assertEqual(self.found("node/base/a.c", "int weir_x = %s; /* answer, verdict */\n" % name), [])

    def test_a_static_function_has_a_name_that_a_backtrace_can_show(self):
        for name in ("put", "settle", "tell", "say", "look", "take", "speak", "do_it", "go", "work", "act"):
            self.assert_one(self.found("node/base/a.c", "static int %s(int a)\n{\n    return a;\n}\n" % name), "backtrace")
        self.assertEqual(self.found("node/base/a.c", "static int put_row(int a)\n{\n    return a;\n}\n"), [])

    def test_a_folder_holds_forty_files_of_code(self):
        for number in range(40):
            self.write("node/base/f%d.%s" % (number, "ch"[number % 2]), "")
        self.write("node/base/README.md", "")
        self.write("node/base/below/g.c", "")
        self.assertEqual(list(tidy.check_tree(list(tidy.tree_files()))), self.left_over())
        self.write("node/base/g.c", "")
        found = list(tidy.check_tree(list(tidy.tree_files())))
        self.assertEqual(found[0], ("node/base", 1, "41 files of C code, over 40: make rooms"))

    def test_two_headers_of_one_name_are_found(self):
        self.write("node/base/x.h", "")
        self.write("node/flow/x.c", "")
        self.assertEqual(list(tidy.check_tree(list(tidy.tree_files()))), self.left_over())
        self.write("node/flow/x.h", "")
        found = list(tidy.check_tree(list(tidy.tree_files())))
        self.assertEqual(found[0][0], "node/flow/x.h")
        self.assertIn("there already: node/base/x.h", found[0][2])

    def left_over(self):
        """Of a tree without circles: each line of the list of circles is one too many."""
        return [("tests/tidy_pending.py", 1, "no circle is left of %s: take the line out" % ", ".join(sorted(stems)))
                for stems, _ in tidy.tidy_pending.CIRCLES]

    def test_circles_of_files_are_found(self):
        def circles(edges, allowed=()):
            texts = {path: "".join('#include "%s"\n' % other for other in others) for path, others in edges.items()}
            return [message for _, _, message in tidy.tidy_tree.check_circles(texts, allowed)]
        # a header and its .c are one: a.c -> b.h, b.c -> a.h is a circle, a.c -> a.h is none
        chain = {"a.h": [], "a.c": ["a.h", "b.h"], "b.h": [], "b.c": ["b.h", "c.h"], "c.h": [], "d.h": ["a.h", "b.h"]}
        self.assertEqual(circles(chain), [])
        two = dict(chain, **{"c.c": ["a.h"]})
        self.assert_one(circles(two), "a circle of files: a, b, c")
        self.assertEqual(circles(two, [({"a", "b", "c", "e"}, "why")]), [])
        self.assert_one(circles(two, [({"a", "b", "c"}, "why"), ({"a", "d"}, "why")]), "no circle is left of a, d")
        self.assertIn("a circle of files: a, b, c", circles(two, [({"a", "b"}, "why")]))
        self.assertEqual(len(circles(dict(two, **{"e.h": ["f.h"], "f.h": ["e.h"]}))), 2)
        self.assertEqual(circles({"a.c": ['b.h" <']}), [])

    def test_a_program_file_that_includes_tests_is_found(self):
        self.write("tests/support/x.h", "")
        self.assert_one(self.found("node/ctl/a.c", '#include "tests/support/x.h"\n'), "ctl must not include tests")

    def test_foreign_headers_are_found_outside_their_wrappers(self):
        self.assert_one(self.found("node/flow/a.c", "#include <uv.h>\n"), "belongs to the files that wrap it")
        self.assertEqual(self.found("node/loop/a.c", "#include <uv.h>\n"), [])
        self.assert_one(self.found("sync/version/record.c", "#include <lmdb.h>\n"), "belongs to the files that wrap it")
        self.assertEqual(self.found("sync/store/store_map.c", "#include <lmdb.h>\n"), [])
        self.assert_one(self.found("node/wire/a.c", "#include \"weir/v1/tenant.pb-c.h\"\n"), "generated records")
        self.assert_one(self.found("node/base/a.c", "#include <glib.h>\n"), "neither libc nor a dependency")

    def test_the_own_header_comes_first(self):
        self.write("node/base/a.h", "")
        found = self.found("node/base/a.c", '#include <string.h>\n\n#include "node/base/a.h"\n')
        self.assertEqual(len(found), 2, found)
        self.assertIn("first include must be its own header", found[0])

    def test_long_files_and_functions_are_found(self):
        self.assert_one(self.found("node/base/a.c", "int weir_x;\n" * 800), "804 lines, over 800")
        self.assert_one(self.found("node/base/a.h", "struct weir_x;\n" * 250), "254 lines, over 250")
        body = "int weir_a(int a)\n{\n%s    return a;\n}\n"
        self.assertEqual(self.found("node/base/b.c", body % ("    a++;\n" * 66)), [])
        self.assert_one(self.found("node/base/b.c", body % ("    a++;\n" * 67)), "weir_a has 71 lines, over 70")

    def test_parameters_nesting_and_complexity_are_counted(self):
        self.assert_one(self.found("node/base/a.h", "/** Six. */\nint weir_a(int a, int b, int c, int d, int e, int f);\n"),
                        "weir_a takes 6 parameters, over 5")
        self.assertEqual(self.found("node/base/b.h", "/** Five. */\nint weir_a(int a, int b, int c, int d, "
                                    "void (*e)(int, int));\n"), [])
        nested = "int weir_a(int a)\n{\n" + "".join("%sif (a) {\n" % ("    " * d) for d in range(1, 6)) + "    " * 6 + \
            "a++;\n" + "".join("%s}\n" % ("    " * d) for d in range(5, 0, -1)) + "    return a;\n}\n"
        self.assert_one(self.found("node/base/c.c", nested), "weir_a nests 5 deep, over 4")
        branches = "int weir_a(int a)\n{\n" + "    if (a)\n        a++;\n" * 15 + "    return a;\n}\n"
        self.assert_one(self.found("node/base/d.c", branches), "weir_a has complexity 16, over 15")

    def test_banned_calls_are_found_in_code_and_not_in_words(self):
        body = 'int weir_a(const char *s)\n{\n    return %s;\n}\n'
        self.assert_one(self.found("node/base/a.c", body % "atoi(s)"), "atoi() is banned")
        self.assertEqual(self.found("node/base/a.c", body % 'weir_x("atoi(s)") /* no atoi(s) here */'), [])
        self.assert_one(self.found("node/base/a.c", body % "assert(s)"), "assert() is banned")
        self.assertEqual(self.found("tests/unit/a.c", body % "assert(s)"), [])

    def test_names_tell_public_from_static(self):
        self.assert_one(self.found("node/base/a.c", "int a(void)\n{\n    return 0;\n}\n"), "does not start with weir_")
        self.assert_one(self.found("node/base/a.c", "static int weir_a(void)\n{\n    return 0;\n}\n"), "is static")

    def test_functions_of_a_header_need_a_comment(self):
        self.assert_one(self.found("node/base/a.h", "int weir_a(void);\n"), "weir_a has no comment")
        self.assertEqual(self.found("node/base/a.h", "/** Both. */\nint weir_a(void);\nint weir_b(void);\n"), [])
        self.assert_one(self.found("node/base/a.h", "/** One. */\nint weir_a(void);\n\nint weir_b(void);\n"),
                        "weir_b has no comment")
        self.assertEqual(self.found("node/base/a.h", "struct weir_s {\n    int (*f)(void);\n};\n"), [])

    def test_a_header_that_needs_another_does_not_stand_alone(self):
        self.assert_one(self.found("node/base/a.h", "/** One. */\nint weir_a(uint8_t x);\n"), "does not compile alone")

    def test_tags_file_comments_and_format_are_checked(self):
        self.assert_one(self.found("node/base/a.c", "int weir_x;\n", head="/*\n *\n * a.c - x.\n */\n"), "SPDX")
        self.assert_one(self.found("node/base/a.c", "int weir_x;\n", head=HEAD % "b.c"), "no file comment")
        self.assert_one(self.found("node/base/a.c", "int  weir_x;\n"), "clang-format-14 would change it")

    def test_marks_of_unfinished_work_need_an_issue(self):
        self.assert_one(self.found("node/base/a.c", "/* TO" "DO: more. */\n"), "without an issue number")
        self.assertEqual(self.found("node/base/a.c", "/* TO" "DO #12: more. */\n"), [])

    def test_scripts_must_parse_and_run(self):
        tag = "# SPDX-License-Identifier: Apache-2.0\n"
        self.assert_one(self.found("deploy/run", "", head="#!/usr/bin/env bash\n" + tag), "not executable")
        self.assertIn("unexpected end of file", self.found("deploy/a.sh", "if true; then\n", head=tag)[-1])
        self.assert_one(self.found("tests/a.py", "def f(:\n", head=tag), "does not parse")

    def test_a_folder_without_a_readme_is_found(self):
        for folder in tidy.CODE_FOLDERS:
            self.write(folder + "/README.md", "x\n")
        self.assertEqual(list(tidy.check_folders()), [])
        self.write("sync/README.md", "x\n" * 61)
        os.remove(os.path.join(tidy.TOP, "proto/README.md"))
        os.mkdir(os.path.join(tidy.TOP, "lib"))
        self.assertEqual([path for path, _, _ in tidy.check_folders()], ["lib", "proto/README.md", "sync/README.md"])


if __name__ == "__main__":
    unittest.main()
