# SPDX-License-Identifier: Apache-2.0
"""tidy_pending.py - what does not keep a rule of tidy.py yet. A line goes when what it names is mended."""

# Circles of files: (files without their endings, why they stand). A circle may be a part of a line's.
CIRCLES = []

# Folders or files in which includes are in another order. `tests/tidy.py --fix PATH` mends them.
INCLUDES = ()

# Folders or files with dividers of another form. `tests/tidy.py --fix PATH` mends those of one line.
DIVIDERS = ()

# Folders or files in which words of the left column stand.
WORDS = ()
