"""Waiting for something to become true, no longer than allowed."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE = 0.02


def eventually(look: Callable[[], T], timeout: float, what: str = "") -> T:
    """Looks until the answer is true, and returns it; AssertionError with the last answer otherwise."""
    deadline = time.monotonic() + timeout
    while not (answer := look()):
        assert time.monotonic() < deadline, f"{what or look} not within {timeout:g} s: {answer!r}"
        time.sleep(_PAUSE)
    return answer
