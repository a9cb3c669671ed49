"""How the listeners of a gateway fare, in numbers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from karya.api.events.listener import End

LEFT = "left"
"""Why a listener is there no more: it went by itself. Otherwise it is the name of its `End`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`present` listen now, pages of jobs among them. Since the gateway started `sent` events went to those
    of `GET /v1/events`, and listeners `ended` for each reason. What was stored `behind` seconds ago, and
    before, has been read; nothing is read while nobody listens."""

    present: int
    sent: int
    ended: Mapping[str, int]
    behind: float


def none_ended() -> Counter[str]:
    """A count for each reason."""
    return Counter(dict.fromkeys((LEFT, *(end.name.lower() for end in End)), 0))


def reason(end: End | None) -> str:
    """Under which name it is counted."""
    return LEFT if end is None else end.name.lower()
