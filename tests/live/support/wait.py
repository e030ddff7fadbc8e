# SPDX-License-Identifier: Apache-2.0
"""wait.py - waiting for conditions. Nothing here proves anything by its duration: deadlines only bound a failure."""

import time
from typing import Callable, Optional, TypeVar

T = TypeVar("T")

# Seconds until a test that waits in vain gives up. Generous: a sanitizer build on a loaded host is slow.
PATIENCE = 30.0
_PAUSE = 0.005


class Deadline:
    """A point in time after which waiting is a failure."""

    def __init__(self, seconds: float = PATIENCE) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never less than a small positive number, so that it can be a socket's time-out."""
        return max(self._end - time.monotonic(), 0.001)

    def over(self) -> bool:
        return time.monotonic() >= self._end


def until(condition: Callable[[], Optional[T]], what: str, seconds: float = PATIENCE) -> T:
    """Call `condition` until it gives something true, and return that."""
    deadline = Deadline(seconds)
    while True:
        value = condition()
        if value:
            return value
        assert not deadline.over(), f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(_PAUSE)
