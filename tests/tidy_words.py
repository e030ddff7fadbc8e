# SPDX-License-Identifier: Apache-2.0
"""tidy_words.py - the words that tidy.py refuses: the worst of the left column of the glossary, and names that say
nothing in a backtrace. Also the form of section dividers.
"""

import re

# In comments, strings and prose.
PHRASES = [
    (re.compile(r"\bthe own\b", re.I), 'say "its own"'),
    (re.compile(r"\b(?:peer|node|server|endpoint)s?\s+(?:\*\s+)?who\b", re.I), 'things are no persons: say "that"'),
]

# Parts of identifiers, between underscores or humps. `keep` and `kept` are refused where they begin or end a name:
# within, they are a verb of a test's sentence.
PARTS = {
    "answer": "response", "answers": "responses", "answered": "responded",
    "verdict": "failure mark, access outcome or list verdict", "verdicts": "failure marks, outcomes",
    "parking": "address pool", "heart": "heartbeat", "hearts": "heartbeats",
    "greet": "handshake", "greets": "handshake", "greeted": "handshake done",
    "pace": "interval, limit", "paces": "intervals",
}
# Names that a contract fixes.
ALLOWED = re.compile(r"list_?verdict|keep_?alive|keep_underscores", re.I)
MACHINE = re.compile(r"^(?:weir_)?machine_", re.I)  # elsewhere it may be a computer, or a state machine
KEEP = re.compile(r"^(?:weir_|num_|is_|has_)?(?:keep|kept)_|^(?:num_|is_|has_)(?:keep|kept)$", re.I)

# File-static functions that are called like this are found nowhere in a backtrace.
BARE = {"put", "settle", "tell", "say", "look", "take", "speak", "do_it", "go", "work", "act"}

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

DIVIDER = re.compile(r"/\*\s*([-=~*#]{2,})[ \t]*(.*?)[ \t]*([-=~*#]{2,})?\s*\*/", re.S)


def check_phrases(text):
    """(line, message) for each phrase in a text of any kind."""
    for pattern, why in PHRASES:
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, '"%s": %s' % (" ".join(match.group().split()), why)


def why_not(name):
    """Why an identifier is refused, or None."""
    plain = ALLOWED.sub("", name)
    if KEEP.match(plain):
        return "say store, stored record or list"
    if MACHINE.match(plain):
        return "say node facts"
    for part in HUMP.sub("_", plain).lower().split("_"):
        if part in PARTS:
            return "say " + PARTS[part]
    return None


def check_identifiers(code, line_at):
    """(line, message) for each identifier's first place in `code`, which has neither comments nor strings."""
    seen = set()
    for match in IDENTIFIER.finditer(code):
        if match.group() in seen:
            continue
        seen.add(match.group())
        why = why_not(match.group())
        if why:
            yield line_at(match.start()), "%s: %s" % (match.group(), why)


def check_bare_name(name):
    """Why a file-static function must not be called so, or None."""
    return "%s says nothing in a backtrace: verb and object" % name if name in BARE else None


def fix_dividers(text):
    """The text with its section dividers in the one form."""
    def fix(match):
        name = re.sub(r"\s*\n \*$", "", match.group(2))  # the dashes may be a line of their own
        return "/* -- %s -- */" % name if name and "\n" not in name else match.group()
    return DIVIDER.sub(fix, text)


def check_dividers(text):
    for match in DIVIDER.finditer(text):
        if not re.fullmatch(r"/\* -- \S(?:.*\S)? -- \*/", match.group()):
            yield text.count("\n", 0, match.start()) + 1, "a section divider has the form /* -- name -- */"
