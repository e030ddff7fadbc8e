# SPDX-License-Identifier: Apache-2.0
"""tidy_tree.py - what tidy.py checks of the tree as a whole: folders of a size that can be remembered, no circle of
files, no two headers of one name; and the order of includes.

All functions take the text of files by path, so that a test can give them a tree of its own.
"""

import os
import re

FOLDER_FILES_MAX = 40

INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')
# Headers of other projects: behind those of the C library, before those of weir.
FOREIGN = re.compile(r"(cmocka|jansson|lmdb|uv|yaml)\.h|(ares|nghttp2|nng|openssl|protobuf-c|sanitizer)")


def check_sizes(paths):
    """Folders with too many C files."""
    counts = {}
    for path in paths:
        if path.endswith((".c", ".h")):
            counts[os.path.dirname(path)] = counts.get(os.path.dirname(path), 0) + 1
    for folder, count in sorted(counts.items()):
        if count > FOLDER_FILES_MAX:
            yield folder, 1, "%d files of C code, over %d: make rooms" % (count, FOLDER_FILES_MAX)


def check_header_names(paths):
    """Headers of one name: an include in a review, or a name in a backtrace, must show which file is meant."""
    first = {}
    for path in sorted(path for path in paths if path.endswith(".h")):
        other = first.setdefault(os.path.basename(path), path)
        if other != path:
            yield path, 1, "a header of that name is there already: %s" % other


def stem(path):
    return os.path.splitext(path)[0]


def include_graph(texts):
    """Stem -> stems that its header or its .c includes."""
    graph = {}
    for path, text in texts.items():
        if not path.endswith((".c", ".h")):
            continue
        edges = graph.setdefault(stem(path), set())
        for line in text.split("\n"):
            match = INCLUDE.match(line)
            if match and match.group(1) == '"' and match.group(2) in texts and stem(match.group(2)) != stem(path):
                edges.add(stem(match.group(2)))
    return graph


def circles(graph):
    """Strongly connected sets of more than one stem (Tarjan, without recursion)."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in sorted(graph):
        if root in index:
            continue
        work = [(root, iter(sorted(graph[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, edges = work[-1]
            for other in edges:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(sorted(graph.get(other, ())))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    members = set()
                    while node not in members:
                        members.add(stack.pop())
                    on_stack -= members
                    if len(members) > 1:
                        found.append(members)
    return found


def check_circles(texts, allowed):
    """Circles that no entry of `allowed`, (stems, reason), covers; and entries that no circle needs."""
    found = circles(include_graph(texts))
    for members in sorted(found, key=min):
        if not any(members <= entry for entry, _ in allowed):
            first = min(members)
            path = first + (".h" if first + ".h" in texts else ".c")
            yield path, 1, "a circle of files: %s" % ", ".join(sorted(members))
    for entry, _ in allowed:
        if not any(members <= entry for members in found):
            yield "tests/tidy_pending.py", 1, "no circle is left of %s: take the line out" % ", ".join(sorted(entry))


def include_block(text):
    """(start, end, includes) of the first block of includes: lines between which only empty ones stand; or None."""
    at, start, end, found = 0, None, None, []
    for line in text.split("\n"):
        match = INCLUDE.match(line)
        if match:
            if line.rstrip() != '#include %s%s%s' % (match.group(1), match.group(2), '"' if match.group(1) == '"' else ">"):
                return None  # a comment behind it: leave it alone
            start = at if start is None else start
            end = at + len(line)
            found.append((match.group(1), match.group(2)))
        elif start is not None and line.strip():
            break
        at += len(line) + 1
    return None if start is None else (start, end, found)


def ordered(includes, own):
    """The block of these includes as it should be: own header, C library, foreign, weir's; each group sorted."""
    names = {name for _, name in includes if name != own}
    ours = {name for kind, name in includes if name in names and (kind == '"' or name.endswith(".pb-c.h"))}
    foreign = {name for name in names - ours if FOREIGN.match(name)}
    blocks = [['#include "%s"' % own]] if ('"', own) in includes else []
    blocks.append(["#include <%s>" % name for name in sorted(names - ours - foreign)])
    blocks.append(["#include <%s>" % name for name in sorted(foreign)])
    blocks.append(['#include "%s"' % name for name in sorted(ours)])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def fix_includes(path, text):
    """The text with its first block of includes in order."""
    block = include_block(text)
    if block is None:
        return text
    start, end, includes = block
    own = re.sub(r"\.c$", ".h", path) if path.endswith(".c") else ""
    return text[:start] + ordered(includes, own) + text[end:]


def check_include_order(path, text):
    if fix_includes(path, text) != text:
        line = text[:include_block(text)[0]].count("\n") + 1
        yield line, 'includes are not in order (own header; C library; foreign; weir; each group sorted): tests/tidy.py --fix mends it'
