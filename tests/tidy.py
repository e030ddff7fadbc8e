#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tidy.py - what the compiler does not check of the house style. Prints `path:line: message` for each finding.

  tests/tidy.py [--jobs N] [PATH...]     all of the tree, or only findings in the named files and folders
  tests/tidy.py --fix PATH...            put includes in order and dividers in form, and change nothing else

Checks: which layer includes which, which headers are private, and which foreign ones where; circles of files, numbers
of files in a folder, headers of one name, the order of includes; lengths of files and functions, numbers of
parameters, nesting, complexity; banned calls and words; licence tags and file comments; a comment before each
function of a header; headers that compile alone; clang-format; marks of unfinished work; scripts that parse and can
be run; a README in each folder. What is not mended yet is in tidy_pending.py.
Reads the files as they are, and needs Debian's gcc, pkg-config, protoc-c and clang-format-14. Exit 1 on any finding.
"""

import argparse
import ast
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile

import tidy_pending
import tidy_tree
import tidy_words

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

FILE_LINES_MAX = 800
HEADER_LINES_MAX = 250
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 5
NESTING_MAX = 4
COMPLEXITY_MAX = 15
README_LINES_MAX = 60

FOLDERS = {"deploy", "node", "proto", "sync", "tenants", "tests"}
CODE_FOLDERS = ("node", "node/base", "node/base/internal", "node/base/buffers", "node/wire", "node/wire/h2", "node/wire/pem", "node/flow", "node/exchange", "node/conn", "node/loop", "node/loop/session", "node/ctl", "node/ctl/access", "node/ctl/admin", "node/cli", "node/cli/certs", "node/cli/link", "node/cli/docs",
                "node/cli/text", "proto", "sync",
                "sync/version", "sync/frame", "sync/members", "sync/activation", "sync/engine", "sync/tree",
                "sync/layout", "sync/store", "tenants", "tenants/certs", "tenants/schema", "deploy", "tests", "tests/sim", "tests/sim/cluster", "tests/sim/drills", "tests/sim/drills/bed",
                "tests/sim/memory", "tests/sim/models", "tests/sim/oracle", "tests/sim/runner")

# layer -> layers it may include. "store" is sync/store/store.h, the store's face to what reads through it.
EDGES = {
    "base": {"base"},
    "wire": {"wire", "base"},
    "version": {"version", "base"},
    "records": {"version", "base"},
    "frame": {"frame", "version", "proto", "base"},
    "members": {"members", "frame", "version", "proto", "base"},
    "activation": {"activation", "members", "frame", "version", "proto", "base"},
    "engine": {"engine", "activation", "members", "frame", "version", "records", "proto", "base"},
    "tree": {"tree", "base"},
    "layout": {"layout", "tree", "store", "version", "base"},
    "sync/store": {"sync/store", "layout", "tree", "store", "records", "version", "proto", "base"},
    "tenants": {"tenants", "store", "wire", "proto", "base"},
    "flow": {"flow", "wire", "tenants", "base"},
    "exchange": {"exchange", "flow", "wire", "tenants", "base"},
    "conn": {"conn", "wire", "base"},
    "loop": {"loop", "exchange", "conn", "flow", "wire", "tenants", "store", "base"},
    "ctl": {"ctl", "loop", "conn", "flow", "wire", "tenants", "store", "proto", "base"},
    "cli": {"cli", "wire", "tenants", "proto", "base"},
    "main": {"ctl", "cli", "base"},
    "tests": {"tests", "base", "wire", "version", "frame", "members", "activation", "engine", "tree", "layout", "sync/store", "records", "store", "tenants", "flow", "exchange", "conn", "loop", "ctl", "cli", "proto"},
    "deploy": set(),
}

# Headers of sync/store/ that other layers may include, as layers of their own.
INTERFACES = {"sync/store/store.h": "store", "sync/store/store_claims.h": "store", "sync/store/store_probe.h": "store",
              "sync/store/record_store.h": "records"}

# Foreign header -> paths that may include it. What is in no row is refused everywhere.
FOREIGN = [
    (r"lmdb\.h", r"sync/store/.*|tests/.*"),
    (r"uv\.h", r"node/conn/.*|node/loop/.*|node/ctl/.*|node/main\.c|tests/.*"),
    (r"ares\.h", r"node/ctl/resolver\.c"),
    (r"yaml\.h", r"tenants/schema/schema_yaml\.c"),
    (r"jansson\.h", r"node/cli/text/render\.c"),
    (r"protobuf-c/protobuf-c\.h", r"(tenants|sync|node/ctl|node/cli|tests)/.*"),
    (r"sanitizer/asan_interface\.h", r"node/base/internal/poison\.h"),
    (r"sys/sdt\.h", r"node/base/probe\.h"),
    (r"cmocka\.h", r"tests/.*"),
    (r"nghttp2/nghttp2\.h", r"node/wire/h2/h2\w*\.c|tests/.*"),
    (r"openssl/\w+\.h", r"deploy/p256_speed\.c|node/wire/(pem/)?tls\w*\.[ch]|tenants/(certs/)?cert\w*\.[ch]|tests/.*"),
]
SYSTEM = re.compile(
    r"(arpa|linux|net|netinet|sys)/\w+\.h|(assert|ctype|dirent|elf|errno|execinfo|fcntl|fnmatch|ftw|grp|getopt|ifaddrs|"
    r"inttypes|limits|link|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched|semaphore|setjmp|signal|stdalign|stdarg|"
    r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|threads|time|unistd|wchar|"
    r"cpuid|emmintrin|immintrin|nmmintrin|tmmintrin|smmintrin|arm_neon)\.h")

BANNED = {
    "strcpy": "use a span or strbuf", "stpcpy": "use a span or strbuf", "strncpy": "use a span or strbuf",
    "strcat": "use a strbuf", "strncat": "use a strbuf", "sprintf": "use snprintf", "vsprintf": "use vsnprintf",
    "strtok": "use a cursor over a span", "gets": "unbounded", "alloca": "unbounded stack",
    "atoi": "hides errors", "atol": "hides errors", "atoll": "hides errors", "atof": "hides errors",
    "sscanf": "hides overflow", "rand": "use weir_rng", "srand": "use weir_rng", "random": "use weir_rng",
    "localtime": "not thread-safe", "gmtime": "not thread-safe", "ctime": "not thread-safe",
    "asctime": "not thread-safe", "inet_ntoa": "not thread-safe", "gethostbyname": "not thread-safe",
    "tmpnam": "race", "mktemp": "race", "system": "shell", "popen": "shell",
    "assert": "use WEIR_ASSERT", "sleep": "nothing blocks", "usleep": "nothing blocks",
}
# Banned in the program only; in tests they do no harm.
BANNED_IN_PROGRAM = {"assert", "sleep", "usleep", "system", "popen", "sscanf", "rand", "srand", "random"}

# (path, function) whose parameters may be more than PARAMETERS_MAX, each with its reason.
MANY_PARAMETERS = {
    # A callback and its argument are one thing, which C makes two.
    ("sync/store/store.h", "weir_store_list"),
    # Callbacks of BoringSSL, in its form.
    ("node/wire/tls_identity_make.c", "drop_held"), ("node/wire/tls_server.c", "on_alpn"),
    ("node/wire/tls_server.c", "seal_ticket"), ("node/wire/tls_server.c", "open_ticket"),
    ("node/wire/tls_signature.c", "on_sign"), ("node/wire/tls_signature.c", "on_decrypt"),
    # Callbacks of nghttp2.
    ("node/wire/h2/h2_frames.c", "on_header"),
    ("node/wire/h2/h2_frames.c", "on_data"),
    ("node/wire/h2/h2_frames.c", "on_read"),
    ("node/wire/h2/h2_frames.c", "on_send_data"),
    ("tests/support/h2/h2_client_frames.h", "h2_on_header"),
    ("tests/support/h2/h2_client_frames.h", "h2_on_data"),
    ("tests/support/h2/h2_client_frames.h", "h2_read_body"),
}

# Attribute-like macros that take arguments and stand around a declarator.
ATTRIBUTE_CALLS = {"__attribute__", "WEIR_PRINTF", "_Static_assert", "static_assert", "_Alignas", "alignas"}
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else", "_Alignof", "case", "defined"}
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


class Source:
    """A C file, with comments, strings and preprocessor lines blanked out at the same offsets in `code`."""

    def __init__(self, text):
        self.text = text
        self.comments = []  # (start, end) of each comment, in order
        self.directives = []  # (line number, text)
        self.code = self._blank()
        self._line_starts = [0] + [m.end() for m in re.finditer("\n", text)]

    TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def _blank(self):
        def blank(match):
            token = match.group()
            spaces = re.sub(r"[^\n]", " ", token)
            if token[0] == "/":
                self.comments.append(match.span())
                return spaces
            return token[0] + spaces[1:-1] + token[-1]

        code = self.TOKEN.sub(blank, self.text)
        lines, inside = code.split("\n"), False
        for number, line in enumerate(lines):
            if inside or line.lstrip().startswith("#"):
                if not inside:
                    self.directives.append((number + 1, self.text.split("\n")[number]))
                inside = line.endswith("\\")
                lines[number] = " " * len(line)
        return "\n".join(lines)

    def line_at(self, offset):
        low, high = 0, len(self._line_starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._line_starts[middle] <= offset else (low, middle)
        return low + 1


class Declaration:
    """A function at file level: its name, parameters, where it starts, and where its body is (None: only declared)."""

    def __init__(self, name, parameters, start, head, body):
        self.name = name
        self.parameters = parameters
        self.start = start
        self.is_static = re.search(r"\bstatic\b", head) is not None
        self.body = body


def matching(code, at, opening, closing):
    """Offset of the bracket that closes the one at `at`, or the end of the text."""
    depth = 0
    for match in re.compile("[%s%s]" % (re.escape(opening), re.escape(closing))).finditer(code, at):
        depth += 1 if match.group() == opening else -1
        if depth == 0:
            return match.start()
    return len(code) - 1


def split_parameters(text):
    """Number of parameters in the text between the parentheses."""
    if text.strip() in ("", "void"):
        return 0
    depth, count = 0, 1
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        count += char == "," and depth == 0
    return count


def declarator(head):
    """(name, parameter text) of the function that `head` declares, or None."""
    if re.match(r"\s*typedef\b", head):
        return None
    at, found = 0, None
    while True:
        opening = head.find("(", at)
        if opening < 0:
            return found
        if "=" in head[:opening]:
            return found
        closing = matching(head, opening, "(", ")")
        names = IDENTIFIER.findall(head[:opening])
        before = head[:opening].rstrip()
        if names and before.endswith(names[-1]) and names[-1] not in ATTRIBUTE_CALLS and found is None:
            if len(names) > 1:
                found = (names[-1], head[opening + 1:closing])
        at = closing + 1


def declarations(source):
    """All functions declared or defined at file level."""
    code, start, found = source.code, 0, []
    scan = re.compile(r"[;{}(]")
    at = 0
    while True:
        match = scan.search(code, at)
        if not match:
            return found
        char, at = match.group(), match.end()
        if char == "(":
            at = matching(code, match.start(), "(", ")") + 1
            continue
        head = code[start:match.start()]
        first = start + len(head) - len(head.lstrip())
        function = declarator(head)
        if char == "{":
            end = matching(code, match.start(), "{", "}")
            at = end + 1
            if function and "=" not in head.split("(")[0]:
                found.append(Declaration(function[0], function[1], first, head, (match.start(), end)))
            else:
                # A type or an initialiser: the statement goes on to its semicolon, and what stands in the braces are
                # members, not functions of this file.
                at = code.find(";", at)
                at = len(code) if at < 0 else at + 1
        elif char == ";" and function:
            found.append(Declaration(function[0], function[1], first, head, None))
        start = at


def layer_of(path):
    if path == "node/main.c":
        return "main"
    if path in INTERFACES:
        return INTERFACES[path]
    parts = path.split("/")
    if parts[:2] == ["sync", "store"]:
        return "sync/store"
    return parts[1] if parts[0] in ("node", "sync") and len(parts) > 2 else parts[0]


def private_to(header):
    """The folder that a header is private to, by the comment on top of it; None: it is not private.

    "private to sync/store/" names the folder, and the header is in it or below it; any other word after "private to"
    means the header's own folder.
    """
    with open(os.path.join(TOP, header), encoding="utf-8") as file:
        match = re.search(r" - private to (\S+)", file.read().split("*/")[0])
    if not match:
        return None
    folder = match.group(1).rstrip(".,:;").rstrip("/")
    own = os.path.dirname(header)
    return folder if own == folder or own.startswith(folder + "/") else own


def may_see_private(path, folder):
    """Whether a file may include what is private to a folder: a file of it, of a folder below, or a test of it."""
    if os.path.dirname(path) == folder or path.startswith(folder + "/"):
        return True
    return path.startswith("tests/unit/" if folder.startswith("tests/") else "tests/")


def check_include(path, target, quoted):
    """Why `path` must not include `target`, or None."""
    layer = layer_of(path)
    if path in INTERFACES:
        layer = "sync/store"
    if target.startswith("weir/v1/") and target.endswith(".pb-c.h"):
        return None if "proto" in EDGES[layer] else "%s must not see generated records (%s)" % (layer, target)
    if quoted:
        if not os.path.exists(os.path.join(TOP, target)):
            return 'no file "%s": includes are written from the top folder' % target
        other = layer_of(target)
        if other not in EDGES.get(layer, set()):
            return "%s must not include %s (%s)" % (layer, other, target)
        folder = private_to(target)
        if folder is not None and not may_see_private(path, folder):
            return "%s is marked as private to %s/" % (target, folder)
        return None
    for header, where in FOREIGN:
        if re.fullmatch(header, target):
            return None if re.fullmatch(where, path) else "<%s> belongs to the files that wrap it, not here" % target
    return None if SYSTEM.fullmatch(target) else "<%s> is neither libc nor a dependency of weir" % target


def check_includes(path, source):
    first = True
    own = re.sub(r"\.c$", ".h", path)
    for line, text in source.directives:
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', text)
        if not match:
            continue
        why = check_include(path, match.group(2), match.group(1) == '"')
        if why:
            yield line, why
        if first and path.endswith(".c") and os.path.exists(os.path.join(TOP, own)) and match.group(2) != own:
            yield line, "the first include must be its own header, %s" % own
        first = False


def is_pending(path, pending):
    return any(path == one or path.startswith(one + "/") for one in pending)


def check_order(path, source):
    if not is_pending(path, tidy_pending.INCLUDES):
        yield from tidy_tree.check_include_order(path, source.text)
    if not is_pending(path, tidy_pending.DIVIDERS):
        yield from tidy_words.check_dividers(source.text)


def check_words(path, source):
    """Words of a C file: its text, its identifiers, and the names of its file-static functions."""
    if is_pending(path, tidy_pending.WORDS):
        return
    yield from tidy_words.check_identifiers(source.code, source.line_at)
    for function in declarations(source):
        why = function.is_static and function.body and tidy_words.check_bare_name(function.name)
        if why:
            yield source.line_at(function.start), why


def check_prose(path, text):
    """Words of what is read as prose: code with its comments, protos, READMEs."""
    if path.endswith((".c", ".h", ".proto", "README.md")) and not is_pending(path, tidy_pending.WORDS):
        yield from tidy_words.check_phrases(text)


def check_lengths(path, source):
    lines = source.text.count("\n")
    limit = HEADER_LINES_MAX if path.endswith(".h") else FILE_LINES_MAX
    if lines > limit:
        yield 1, "%d lines, over %d" % (lines, limit)


def body_shape(code):
    """(complexity, deepest nesting) of a function body: branches and loops count one each, a switch counts once."""
    branches = len(re.findall(r"\b(?:if|for|while|switch)\b|\?", code))
    depth = deepest = 0
    for char in re.findall(r"[{}]", re.sub(r"=\s*\{[^;]*;", ";", code)):
        depth += 1 if char == "{" else -1
        deepest = max(deepest, depth)
    return 1 + branches, deepest - 1


def check_functions(path, source):
    for function in declarations(source):
        line = source.line_at(function.start)
        count = split_parameters(function.parameters)
        in_its_header = path.endswith(".c") and not function.is_static and function.body is not None
        if count > PARAMETERS_MAX and not in_its_header and (path, function.name) not in MANY_PARAMETERS:
            yield line, "%s takes %d parameters, over %d" % (function.name, count, PARAMETERS_MAX)
        if function.body is None:
            continue
        lines = source.line_at(function.body[1]) - line + 1
        if lines > FUNCTION_LINES_MAX:
            yield line, "%s has %d lines, over %d" % (function.name, lines, FUNCTION_LINES_MAX)
        complexity, nesting = body_shape(source.code[function.body[0]:function.body[1] + 1])
        if complexity > COMPLEXITY_MAX and not path.startswith("tests/"):
            yield line, "%s has complexity %d, over %d" % (function.name, complexity, COMPLEXITY_MAX)
        if nesting > NESTING_MAX:
            yield line, "%s nests %d deep, over %d" % (function.name, nesting, NESTING_MAX)
        yield from check_function_name(path, function, line)


def check_function_name(path, function, line):
    if path.startswith(("tests/", "deploy/")) or path.endswith(".h"):
        return
    if function.is_static and function.name.startswith("weir_"):
        yield line, "%s is static, and only public names start with weir_" % function.name
    # main, and what BoringSSL calls by its own names.
    given = function.name == "main" or function.name.startswith("OPENSSL_memory_")
    if not function.is_static and not function.name.startswith("weir_") and not given:
        yield line, "%s is public and does not start with weir_" % function.name


def check_header_comments(path, source):
    """Each non-static function of a header has a comment right above, or above the block of lines it stands in."""
    if not path.endswith(".h"):
        return
    ends = [end for _, end in source.comments[1:]]  # the first is the comment of the file
    covered_to = -1
    for function in declarations(source):
        if function.is_static:
            continue
        gap_from = max((end for end in ends if end <= function.start), default=0)
        between = source.text[gap_from:function.start]
        direct = gap_from > 0 and between.strip() == "" and between.count("\n") <= 1
        joined = covered_to >= 0 and "\n\n" not in source.text[covered_to:function.start]
        if direct or joined:
            covered_to = function.start
        else:
            covered_to = -1
            yield source.line_at(function.start), "%s has no comment: state what it promises" % function.name


def check_calls(path, source):
    in_tests = path.startswith("tests/")
    for match in re.finditer(r"(?<![\w.>])([a-z_]\w*)\s*\(", source.code):
        name = match.group(1)
        if name in BANNED and not (in_tests and name in BANNED_IN_PROGRAM):
            yield source.line_at(match.start()), "%s() is banned: %s" % (name, BANNED[name])


def check_file_comment(path, source):
    head = source.text.split("\n")[:6]
    if not any(re.match(r" \* %s - \S" % re.escape(os.path.basename(path)), line) for line in head):
        yield 1, "no file comment ` * %s - what it is` in the first lines" % os.path.basename(path)


def check_text(path, text):
    """What holds for every kind of text file."""
    lines = text.split("\n")
    if text and not text.endswith("\n"):
        yield len(lines), "no newline at the end"
    for number, line in enumerate(lines, 1):
        if line.endswith((" ", "\t", "\r")):
            yield number, "white space at the end of the line"
        if path != "tests/tidy.py" and path != "tests/tidy_test.py":
            mark = re.search(r"\b(TODO|FIXME|XXX|HACK)\b(?!.*#\d)", line)
            if mark:
                yield number, "%s without an issue number" % mark.group(1)


TAGGED = re.compile(r".*\.(c|h|py|sh|proto|cmake|mk|lua)|(.*/)?(CMakeLists\.txt|Dockerfile)")


def check_tag(path, text):
    if TAGGED.fullmatch(path) or text.startswith("#!"):
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.split("\n")[:3]):
            yield 1, "no SPDX-License-Identifier: Apache-2.0 in the first three lines"


def check_script(path, text):
    """Scripts parse, and can be run."""
    full = os.path.join(TOP, path)
    if text.startswith("#!") and not os.access(full, os.X_OK):
        yield 1, "has an interpreter line and is not executable"
    if re.match(r"#!.*\b(ba)?sh\b", text) or path.endswith(".sh"):
        run = subprocess.run(["bash", "-n", full], capture_output=True, text=True)
        for error in run.stderr.splitlines():
            match = re.search(r"line (\d+): (.*)", error)
            yield (int(match.group(1)), match.group(2)) if match else (1, error)
    if re.match(r"#!.*python3", text) or path.endswith(".py"):
        try:
            ast.parse(text)
        except SyntaxError as error:
            yield error.lineno or 1, "does not parse: %s" % error.msg


def check_header_alone(path, flags):
    run = subprocess.run(["gcc", "-fsyntax-only", "-x", "c", "-std=gnu17", "-Wall", "-Wextra", "-Werror",
                          "-Wno-unused-function", "-Wno-unused-parameter", "-D_GNU_SOURCE", "-include",
                          os.path.join(TOP, path), "/dev/null"] + flags, capture_output=True, text=True)
    if run.returncode:
        error = next((line for line in run.stderr.splitlines() if "error" in line), run.stderr.strip())
        match = re.match(r"(\S+?):(\d+):\d+: (?:fatal )?error: (.*)", error)
        at = int(match.group(2)) if match and match.group(1).endswith(path) else 1
        yield at, "does not compile alone: %s" % (match.group(3) if match else error)


def check_format(path):
    run = subprocess.run(["clang-format-14", "--style=file", "--dry-run", "-Werror", "--ferror-limit=1", path],
                         cwd=TOP, capture_output=True, text=True)
    match = re.search(r":(\d+):\d+: error:", run.stderr)
    if run.returncode:
        yield (int(match.group(1)) if match else 1), "clang-format-14 would change it, from here on"


def check_file(job):
    """All findings of one file, as (path, line, message)."""
    path, flags = job
    try:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError:
        return []  # a picture, or a fuzz seed
    found = []
    for check in (check_text, check_tag, check_script, check_prose):
        found += check(path, text)
    if path.endswith((".c", ".h")):
        source = Source(text)
        for check in (check_includes, check_lengths, check_functions, check_header_comments, check_calls,
                      check_file_comment, check_order, check_words):
            found += check(path, source)
        found += check_format(path)
        if path.endswith(".h"):
            found += check_header_alone(path, flags)
    return [(path, line, message) for line, message in found]


def check_folders():
    """The house has the rooms of the plan, and each has a README of a screen."""
    for name in sorted(os.listdir(TOP)):
        if os.path.isdir(os.path.join(TOP, name)) and name not in FOLDERS | {"build"} and not name.startswith("."):
            yield name, 1, "no top-level folder but %s" % ", ".join(sorted(FOLDERS))
    for folder in CODE_FOLDERS:
        readme = os.path.join(folder, "README.md")
        if not os.path.exists(os.path.join(TOP, readme)):
            yield readme, 1, "missing: what is in the folder, where to start, what it may include"
            continue
        with open(os.path.join(TOP, readme), encoding="utf-8") as file:
            lines = file.read().count("\n")
        if lines > README_LINES_MAX:
            yield readme, 1, "%d lines, over a screen of %d" % (lines, README_LINES_MAX)


def check_tree(paths):
    """What only shows in the tree as a whole."""
    code = [path for path in paths if path.endswith((".c", ".h"))]
    texts = {}
    for path in code:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            texts[path] = file.read()
    yield from tidy_tree.check_sizes(code)
    yield from tidy_tree.check_header_names(code)
    yield from tidy_tree.check_circles(texts, tidy_pending.CIRCLES)


def fix_file(path):
    """Mend what can be mended without a thought. @return whether the file was changed"""
    full = os.path.join(TOP, path)
    with open(full, encoding="utf-8") as file:
        text = file.read()
    fixed = tidy_words.fix_dividers(tidy_tree.fix_includes(path, text))
    if fixed != text:
        with open(full, "w", encoding="utf-8") as file:
            file.write(fixed)
    return fixed != text


def tree_files():
    """Every file of the tree but builds, caches and the inputs of fuzzers."""
    for folder, folders, files in os.walk(TOP):
        relative = os.path.relpath(folder, TOP)
        folders[:] = sorted(name for name in folders if name not in ("build", "corpus", "__pycache__")
                            and (not name.startswith(".") or name == ".ci"))
        for name in sorted(files):
            path = os.path.normpath(os.path.join(relative, name))
            if not name.endswith((".pyc", ".png", ".patch")) and os.path.isfile(os.path.join(TOP, path)):
                yield path


def compile_flags(generated):
    """Flags for a header that stands alone; the generated records are made anew, whatever was built before."""
    protos = [os.path.join(folder, name) for folder, _, files in os.walk(os.path.join(TOP, "proto")) for name in files
              if name.endswith(".proto")]
    if protos:
        subprocess.run(["protoc-c", "--proto_path=" + os.path.join(TOP, "proto"), "--c_out=" + generated] +
                       sorted(protos), check=True)
    libraries = ["libuv", "libprotobuf-c", "jansson", "yaml-0.1", "lmdb", "cmocka"]
    flags = subprocess.run(["pkg-config", "--cflags"] + libraries, check=True, capture_output=True, text=True)
    boringssl = os.environ.get("BORINGSSL_ROOT") or subprocess.run(
        [os.path.join(TOP, "deploy/boringssl"), "--print"], check=True, capture_output=True, text=True).stdout.strip()
    return ["-I", TOP, "-isystem", generated, "-isystem", os.path.join(boringssl, "include")] + flags.stdout.split()


def main():
    parser = argparse.ArgumentParser(description="check the house style")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--fix", action="store_true", help="put includes and dividers in order in these files")
    parser.add_argument("paths", nargs="*", help="only findings in these files and folders")
    options = parser.parse_args()
    if options.fix and not options.paths:
        parser.error("--fix needs a PATH")
    wanted = [os.path.relpath(os.path.abspath(path), TOP) for path in options.paths]

    def is_wanted(path):
        return not wanted or any(path == want or path.startswith(want + "/") or want == "." for want in wanted)

    every = list(tree_files())
    files = [path for path in every if is_wanted(path)]
    if options.fix:
        changed = [path for path in files if path.endswith((".c", ".h")) and fix_file(path)]
        print("tidy: changed %d files" % len(changed))
        return 0
    findings = [finding for finding in list(check_folders()) + list(check_tree(every)) if is_wanted(finding[0])]
    with tempfile.TemporaryDirectory() as generated, multiprocessing.Pool(options.jobs) as pool:
        flags = compile_flags(generated)
        for found in pool.imap_unordered(check_file, [(path, flags) for path in files], chunksize=4):
            findings += found
    for path, line, message in sorted(findings):
        print("%s:%d: %s" % (path, line, message))
    print("tidy: %d files, %d findings" % (len(files), len(findings)))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
