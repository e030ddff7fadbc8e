# SPDX-License-Identifier: Apache-2.0
"""statements.py - walks through a function's body statement by statement.

What comes of it is a list of (kind, first, last): indexes of tokens, both included. Kinds: `if`, `loop` (the condition
of one), `return` (its value), `expression` and `declaration` (without their semicolon).
"""

TYPE_WORDS = {"const", "static", "struct", "enum", "union", "unsigned", "signed", "int", "bool", "char", "long", "short",
              "void", "double", "float", "volatile", "_Static_assert", "typedef", "register"}
JUMPS = {"goto", "break", "continue"}


class Walker:
    """One pass over the body of a function."""

    def __init__(self, tokens):
        self.tokens = tokens
        self.found = []

    def walk(self, first, last):
        """Statements between the braces at `first` and `last`."""
        index = first + 1
        while index < last:
            index = self._statement(index, last)
        return self.found

    def _text(self, index):
        return self.tokens[index].text if index < len(self.tokens) else ""

    def _note(self, kind, first, last):
        if first <= last:
            self.found.append((kind, first, last))

    def _end(self, index, last):
        """The semicolon that ends the statement at `index`."""
        while index < last and self._text(index) != ";":
            mate = self.tokens[index].mate
            index = mate + 1 if mate is not None and mate > index else index + 1
        return index

    def _statement(self, index, last):
        """Note the statement at `index`. @return the index behind it"""
        word = self._text(index)
        if word == "{":
            self.walk(index, self.tokens[index].mate)
            return self.tokens[index].mate + 1
        if word in ("if", "while", "switch", "for"):
            return self._with_head(word, index, last)
        if word == "else":
            return self._statement(index + 1, last)
        if word == "do":
            return self._do(index, last)
        if word in ("case", "default") or self._is_label(index):
            return self._behind_label(index, last)
        end = self._end(index, last)
        if word == "return":
            self._note("return", index + 1, end - 1)
        elif word not in JUMPS and word != ";":
            return self._plain(index, end, last)
        return end + 1

    def _with_head(self, word, index, last):
        opening = index + 1
        closing = self.tokens[opening].mate
        if word == "for":
            self._for_head(opening, closing)
        elif word != "switch":
            self._note("if" if word == "if" else "loop", opening + 1, closing - 1)
        return self._statement(closing + 1, last)

    def _for_head(self, opening, closing):
        first = self._end(opening + 1, closing)
        second = self._end(first + 1, closing)
        self._note("declaration" if self._is_declaration(opening + 1, first) else "expression", opening + 1, first - 1)
        self._note("loop", first + 1, second - 1)
        self._note("step", second + 1, closing - 1)

    def _do(self, index, last):
        behind = self._statement(index + 1, last)
        self._note("loop", behind + 2, self.tokens[behind + 1].mate - 1)
        return self._end(behind, last) + 1

    def _is_label(self, index):
        return self.tokens[index].kind == "name" and self._text(index + 1) == ":"

    def _behind_label(self, index, last):
        while index < last and self._text(index) != ":":
            index += 1
        return index + 1

    def _plain(self, index, end, last):
        """An expression, a declaration, or a macro that is the head of a loop."""
        opening = index + 1
        if self.tokens[index].kind == "name" and self._text(opening) == "(" and self.tokens[opening].mate is not None:
            behind = self.tokens[opening].mate + 1
            if behind < last and (self._text(behind) == "{" or self.tokens[behind].kind == "name"):
                return self._statement(behind, last)
        self._note("declaration" if self._is_declaration(index, end) else "expression", index, end - 1)
        return end + 1

    def _is_declaration(self, index, end):
        """A word of a type, or two names with at most stars between them."""
        if self._text(index) in TYPE_WORDS:
            return True
        if self.tokens[index].kind != "name":
            return False
        index += 1
        while index < end and self._text(index) in ("*", "const"):
            index += 1
        return index < end and self.tokens[index].kind == "name"
