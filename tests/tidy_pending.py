# SPDX-License-Identifier: Apache-2.0
"""tidy_pending.py - what does not keep a rule of tidy.py yet. A line goes when what it names is mended."""

# Circles of files: (files without their endings, why they stand). A circle may be a part of a line's.
CIRCLES = [
    ({"node/loop/" + name for name in ("origin_conn", "address_pool", "session", "session_h1", "endpoint_pool", "loop",
                                       "worker", "conn_log", "group", "listener", "memory", "dial")},
     "pools and origin connections report to each other, and loop.h shows what worker.c does"),
]

# Folders or files in which includes are in another order. `tests/tidy.py --fix PATH` mends them.
INCLUDES = ()

# Folders or files with dividers of another form. `tests/tidy.py --fix PATH` mends those of one line.
DIVIDERS = ()

# Folders or files in which words of the left column stand.
WORDS = ()
