"""What a soak adds: a fault a minute at a steady rate, and memory that stays flat."""

from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.resources import Growth
from tests.chaos.workload.mix import LIFE

RATE = 200.0
"""About how many tasks a second."""
EVERY = 60.0
WARM_UP = 300.0
SETTINGS: Mapping[str, str] = {"KARYA_STORE__CACHE_MB": "256"}
"""MongoDB's cache grows until it is full, which is no leak: this one is full before the warm-up is over."""
_FLAT = 0.10
_BACKLOG = 10.0
"""How many seconds after the last job has lived its life everything has to be there."""


def soaked(growth: Sequence[Growth], quiesced: float) -> Iterator[str]:
    """What is wrong with its memory, and with what it left behind."""
    for each in growth:
        if each.part > _FLAT:
            yield f"{each.role} has grown by {each.part:.0%}, from {each.begin:.0f} to {each.end:.0f} MB"
    if quiesced > LIFE / 1000 + _BACKLOG:
        yield f"there was a backlog: all was there {quiesced:.0f} s after the last submit"
