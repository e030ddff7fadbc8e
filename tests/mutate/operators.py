# SPDX-License-Identifier: Apache-2.0
"""operators.py - makes mutants: small wrong edits of a C file, each of one operator. No edit moves a line.

  negate    a condition, or a part of one, is turned round; so is what a bool function returns
  check     a condition holds never, or a part of one has no say
  compare   a comparison is off by one, or turned
  drop      a call, an assignment, ++ or += is left out
  field     an assignment to a member, or its entry in an initialiser, is left out
  copy      a memcpy, memmove or memset is left out
  constant  a number, a limit, true or false is another
  early     a function returns at once: nothing, true, false or WEIR_OK

Contracts (WEIR_ASSERT, WEIR_DCHECK and their kind) and calls that log are left as they are.
"""

import hashlib
import re

from source import Region, Source
from statements import Walker

OPERATORS = ("negate", "check", "compare", "drop", "field", "copy", "constant", "early")
UNTOUCHED = re.compile(r"WEIR_ASSERT\w*|WEIR_DCHECK|WEIR_UNREACHABLE|_Static_assert|(weir_)?log_\w+|sizeof|_Alignof|offsetof")
COPIES = {"memcpy", "memmove", "memset"}
COMPARISONS = {"<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "==": ("!=",), "!=": ("==",)}
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
OPENING, CLOSING = {"(", "[", "{"}, {")", "]", "}"}
# What ends an operand of && and of ||: all that binds less.
BOUNDS = ASSIGNMENTS | {",", ";", "?", ":", "||", "return"}
NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)")
SHOWN_MAX = 100  # characters of a change in words
BIG = 100  # numbers from here on are sizes and times, and off by one says little: they are doubled


class Mutant:
    """One edit: parts of the text (start, end, new text), where it is, and what it does in words."""

    def __init__(self, source, path, region, operator, change, edits):
        self.path, self.function, self.operator = path, region.name, operator
        self.change = shortened(change)
        self.edits = edits
        self.line = source.line_at(edits[0][0])
        self.text = source.line_text(edits[0][0])
        self.turn = 0  # among those that are called the same

    def name(self):
        """What the mutant is called, wherever its line has moved to."""
        return (self.path, self.function, self.operator, self.text, self.change)

    def key(self):
        return hashlib.sha256("\0".join(self.name() + (str(self.turn),)).encode()).hexdigest()[:16]

    def apply(self, text):
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def shortened(text):
    text = " ".join(text.split())
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX - 3] + "..."


def blank(text):
    """The same lines without their text."""
    return re.sub(r"[^\n]", "", text)


class Maker:
    """Makes the mutants of one file."""

    def __init__(self, path, text):
        self.path, self.source = path, Source(text)
        self.tokens, self.text = self.source.tokens, text
        self.mutants = []
        self.region = None

    def make(self):
        for region in self.source.regions:
            self.region = region
            if region.kind == "function":
                self._function(region)
            else:
                self._entries(region.first, region.last)
                self._numbers(region.first, region.last)
        self._limits()
        self.mutants.sort(key=lambda mutant: mutant.edits[0][0])
        turns = {}
        for mutant in self.mutants:
            mutant.turn = turns[mutant.name()] = turns.get(mutant.name(), -1) + 1
        return self.mutants

    def _add(self, operator, change, *edits):
        self.mutants.append(Mutant(self.source, self.path, self.region, operator, change, list(edits)))

    def _text(self, first, last):
        return self.text[self.tokens[first].start:self.tokens[last].end]

    def _around(self, first, last, before, after):
        start, end = self.tokens[first].start, self.tokens[last].end
        return (start, start, before), (end, end, after)

    def _is_untouched(self, index):
        """Is it the name of a contract, or of a call that logs?"""
        return self.tokens[index].kind == "name" and UNTOUCHED.fullmatch(self.tokens[index].text)

    def _inside(self, first, last):
        """Indexes of the tokens first..last that are in no contract."""
        index = first
        while index <= last:
            if self._is_untouched(index) and index < last and self.tokens[index + 1].text == "(":
                index = self.tokens[index + 1].mate
            else:
                yield index
            index += 1

    # -- functions --

    def _function(self, region):
        self._early(region)
        for kind, first, last in Walker(self.tokens).walk(region.first, region.last):
            if self._is_untouched(first):
                continue
            if kind in ("if", "loop"):
                self._condition(kind, first, last)
            elif kind == "return":
                self._returned(region, first, last)
            elif kind == "expression":
                self._dropped(first, last)
            self._parts(first, last)
            self._comparisons(first, last)
            self._entries(first, last)
            if kind != "declaration" or not self._is_array(first, last):
                self._numbers(first, last)

    def _early(self, region):
        words = [word for word in region.returns.split() if word not in ("static", "inline", "WEIR_MUST_USE", "extern")]
        values = {"void": [""], "bool": ["true", "false"], "enum weir_err": ["WEIR_OK"]}.get(" ".join(words), [])
        at = self.tokens[region.first].end
        for value in values:
            self._add("early", ("returns %s at once" % (value or "nothing")), (at, at, " return %s;" % value))

    def _condition(self, kind, first, last):
        shown = self._text(first, last)
        if not self._is_one_equality(first, last):
            self._add("negate", "!(%s)" % shown, *self._around(first, last, "!(", ")"))
        if kind == "if":
            self._add("check", "never: %s" % shown, *self._around(first, last, "(", ") && 0"))

    def _returned(self, region, first, last):
        if "bool" in region.returns.split() and not self._is_one_equality(first, last):
            self._add("negate", "!(%s)" % self._text(first, last), *self._around(first, last, "!(", ")"))

    def _is_one_equality(self, first, last):
        """A comparison that the operator `compare` turns to its opposite?"""
        depth, found = 0, []
        for index in range(first, last + 1):
            text = self.tokens[index].text
            depth += (text in OPENING) - (text in CLOSING)
            if depth == 0 and (text in COMPARISONS or text in ("&&", "||", "?")):
                found.append(text)
        return found in (["=="], ["!="])

    def _parts(self, first, last):
        """The operands of && and ||, and the conditions of ?:."""
        seen = set()
        for index in self._inside(first, last):
            text = self.tokens[index].text
            if text in ("&&", "||"):
                stops = BOUNDS | {text} if text == "||" else BOUNDS | {"&&"}
                operands = (self._left(index, first, stops), index - 1), (index + 1, self._right(index, last, stops))
                for operand in operands:
                    self._part(text, operand, seen)
            elif text == "?":
                begin = self._left(index, first, BOUNDS - {"||"})
                if not self._is_one_equality(begin, index - 1):
                    self._add("negate", "!(%s) ?" % self._text(begin, index - 1), *self._around(begin, index - 1, "!(", ")"))

    def _part(self, sign, operand, seen):
        if operand in seen or operand[0] > operand[1]:
            return
        seen.add(operand)
        shown = self._text(*operand)
        if not self._is_one_equality(*operand):
            self._add("negate", "!(%s)" % shown, *self._around(*operand, "!(", ")"))
        neutral = "|| 1" if sign == "&&" else "&& 0"
        self._add("check", "without %s %s" % (sign, shown), *self._around(*operand, "((", ") %s)" % neutral))

    def _left(self, index, first, stops):
        """The first token of the operand on the left of `index`."""
        index -= 1
        while index >= first and self.tokens[index].text not in stops and self.tokens[index].text not in OPENING:
            mate = self.tokens[index].mate
            index = mate - 1 if mate is not None and mate < index else index - 1
        return index + 1

    def _right(self, index, last, stops):
        index += 1
        while index <= last and self.tokens[index].text not in stops and self.tokens[index].text not in CLOSING:
            mate = self.tokens[index].mate
            index = mate + 1 if mate is not None and mate > index else index + 1
        return index - 1

    def _comparisons(self, first, last):
        for index in self._inside(first, last):
            token = self.tokens[index]
            for other in COMPARISONS.get(token.text, ()) if token.kind == "mark" else ():
                shown = self._text(self._left(index, first, BOUNDS | {"&&"}), self._right(index, last, BOUNDS | {"&&"}))
                self._add("compare", "%s becomes %s in %s" % (token.text, other, shown), (token.start, token.end, other))

    # -- statements --

    def _dropped(self, first, last):
        shown = self._text(first, last)
        equals = next((index for index in self._outside_brackets(first, last)
                       if self.tokens[index].text in ASSIGNMENTS), None)
        if equals is not None:
            words = {self.tokens[index].text for index in range(first, equals)}
            operator = "field" if words & {".", "->"} else "drop"
        elif self.tokens[first].text in COPIES:
            operator = "copy"
        elif self.tokens[first].text == "(" and last > first and self.tokens[first + 1].text == "void":
            return
        else:
            operator = "drop"
        start, end = self.tokens[first].start, self.tokens[last].end
        self._add(operator, "without %s" % shown, (start, end, blank(self.text[start:end])))

    def _outside_brackets(self, first, last):
        index = first
        while index <= last:
            yield index
            mate = self.tokens[index].mate
            index = mate if mate is not None and mate > index else index
            index += 1

    def _is_array(self, first, last):
        """A declaration of an array without a value?"""
        texts = [self.tokens[index].text for index in range(first, last + 1)]
        return "=" not in texts and "[" in texts

    def _entries(self, first, last):
        """Entries of initialisers that name what they set."""
        for index in self._inside(first, last):
            if self.tokens[index].text == "{" and self.tokens[index].mate is not None:
                self._entries_of(index)

    def _entries_of(self, brace):
        begin = brace + 1
        for index in self._outside_brackets(brace + 1, self.tokens[brace].mate - 1):
            is_last = index == self.tokens[brace].mate - 1
            if self.tokens[index].text != "," and not (is_last or self._closes_last(index, brace)):
                continue
            end = index - 1 if self.tokens[index].text == "," else self.tokens[brace].mate - 1
            if end > begin and self.tokens[begin].text in (".", "["):
                stop = self.tokens[index].end if self.tokens[index].text == "," else self.tokens[end].end
                start = self.tokens[begin].start
                self._add("field", "without %s" % self._text(begin, end), (start, stop, blank(self.text[start:stop])))
            begin = index + 1

    def _closes_last(self, index, brace):
        mate = self.tokens[index].mate
        return mate is not None and mate == self.tokens[brace].mate - 1

    # -- constants --

    def _numbers(self, first, last):
        for index in self._inside(first, last):
            token = self.tokens[index]
            if token.kind == "number" and not self._is_settled(index):
                self._number(self.tokens, index, first, last)
            elif token.text in ("true", "false") and (first < last or self.tokens[first - 1].text != "return"):
                self._constant(self.tokens, index, "false" if token.text == "true" else "true", first, last)

    def _is_settled(self, index):
        """A zero in `{ 0 }` or `[0]`, or behind a comparison, which is turned itself."""
        before, token, behind = self.tokens[index - 1:index + 2]
        return token.text == "0" and (before.text in COMPARISONS or
                                      (before.text in ("{", "[") and behind.text in ("}", "]")))

    def _number(self, tokens, index, first, last):
        match = NUMBER.fullmatch(tokens[index].text)
        if match is None:
            return
        value = int(match.group(1), 16 if match.group(1)[:2] in ("0x", "0X") else 10)
        other = "%d%s" % (value + 1 if value < BIG else 2 * value, match.group(2))
        self._constant(tokens, index, other, first, last)

    def _constant(self, tokens, index, other, first, last):
        """Another constant, shown with its neighbours."""
        token = tokens[index]
        shown = self.text[tokens[max(first, index - 2)].start:tokens[min(last, index + 1)].end]
        self._add("constant", "%s becomes %s in %s" % (token.text, other, shown), (token.start, token.end, other))

    def _limits(self):
        for name, tokens in self.source.limits():
            self.region = Region("limit", name, None, None)
            if any(token.kind in ("string", "char") or token.text in ("do", "{", "__attribute__") for token in tokens):
                continue
            for index, token in enumerate(tokens):
                if token.kind == "number":
                    self._number(tokens, index, 0, len(tokens) - 1)


def mutants_of(path, text):
    """All mutants of a file, in the order of its lines."""
    return Maker(path, text).make()
