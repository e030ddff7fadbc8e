# SPDX-License-Identifier: Apache-2.0
"""source.py - as much of C as mutants need: tokens, and what of a file is a function, a table or a limit.

It reads the file as it is written: nothing is preprocessed, no type is known. Positions are offsets in the text.
"""

import bisect
import re

TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<directive>(?<![^\n])[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<char>'(?:\\.|[^'\\\n])*')"
    r"|(?P<number>\d(?:[eEpP][+-]|[\w.])*)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<mark>\.\.\.|->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)", re.S)
DEFINE = re.compile(r"[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+")
PAIRS = {"(": ")", "[": "]", "{": "}"}


class Token:
    """One token: its kind, text and position; `mate` is the index of the bracket that belongs to it."""

    def __init__(self, kind, text, start):
        self.kind, self.text, self.start, self.end, self.mate = kind, text, start, start + len(text), None


class Region:
    """A function's body, a table's initialiser or the value of a limit: tokens first..last."""

    def __init__(self, kind, name, first, last, returns=""):
        self.kind, self.name, self.first, self.last, self.returns = kind, name, first, last, returns


def tokens_of(text, start=0, end=None):
    """Tokens without spaces, comments and directives; brackets know their mates."""
    tokens = []
    directives = []
    at, end = start, len(text) if end is None else end
    while at < end:
        match = TOKEN.match(text, at, end)
        kind = match.lastgroup
        # A comment or a space may stand before the sign of a directive, as long as the line begins there.
        if kind == "space" and "\n" in match.group():
            newline = at + match.group().rindex("\n") + 1
            if TOKEN.match(text, newline, end) and TOKEN.match(text, newline, end).lastgroup == "directive":
                at = newline
                continue
        if kind == "directive":
            directives.append((match.group(), match.start()))
        elif kind not in ("space", "comment"):
            tokens.append(Token(kind, match.group(), match.start()))
        at = match.end()
    match_brackets(tokens)
    return tokens, directives


def match_brackets(tokens):
    stack = []
    for index, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in PAIRS:
            stack.append(index)
        elif stack and token.text == PAIRS[tokens[stack[-1]].text]:
            token.mate = stack.pop()
            tokens[token.mate].mate = index


class Source:
    """The text of a C file, its tokens, and its regions."""

    def __init__(self, text):
        self.text = text
        self.tokens, self.directives = tokens_of(text)
        self.line_starts = [0] + [match.end() for match in re.finditer("\n", text)]
        self.regions = list(self._find_regions())

    def line_at(self, position):
        return bisect.bisect_right(self.line_starts, position)

    def line_text(self, position):
        """The line at that position, its spaces as one each."""
        line = self.text[self.line_starts[self.line_at(position) - 1]:].split("\n", 1)[0]
        return " ".join(line.split())

    def _find_regions(self):
        """Functions and tables: what stands in braces outside of all others."""
        head = 0
        index = 0
        while index < len(self.tokens):
            token = self.tokens[index]
            if token.text == ";":
                head = index + 1
            elif token.text == "{" and token.mate is not None:
                region = self._region(head, index)
                if region is not None:
                    yield region
                index = token.mate
                if region is None or region.kind == "function":
                    head = index + 1
            elif token.text in ("(", "[") and token.mate is not None:
                index = token.mate
            index += 1

    def _region(self, head, brace):
        """What the braces are, by what stands before them since `head`; or None: a type."""
        before = self.tokens[head:brace]
        if before and before[-1].text == "=":
            names = [token.text for token in before if token.kind == "name"]
            return Region("table", self._declared(head, brace - 1) or (names or ["?"])[-1], brace, self.tokens[brace].mate)
        if before and before[-1].text == ")" and before[-1].mate:
            name = self.tokens[before[-1].mate - 1]
            if name.kind == "name":
                returns = [token.text for token in self.tokens[head:before[-1].mate - 1]]
                return Region("function", name.text, brace, self.tokens[brace].mate, " ".join(returns))
        return None

    def _declared(self, head, equals):
        """The name that a declaration gives: before its brackets, if it has some."""
        index = equals - 1
        while index >= head and self.tokens[index].text == "]":
            index = self.tokens[index].mate - 1
        return self.tokens[index].text if index >= head and self.tokens[index].kind == "name" else None

    def limits(self):
        """(name, tokens of its value) of each #define without parameters."""
        for text, start in self.directives:
            match = DEFINE.match(text)
            if match:
                yield match.group(1), tokens_of(self.text, start + match.end(), start + len(text))[0]
