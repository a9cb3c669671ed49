"""What a soak adds: a fault a minute at a steady rate, and memory that stays flat."""

from collections.abc import Iterator, Sequence
from random import Random

from tests.chaos.faults import FAULTS
from tests.chaos.faults.base import Fault
from tests.chaos.resources import Growth
from tests.chaos.workload.mix import LIFE

EVERY = 60.0
WARM_UP = 300.0
_FLAT = 0.10
_BACKLOG = 10.0
"""How many seconds after the last job has lived its life everything has to be there."""


def soak_plan(seed: int, minutes: int, names: Sequence[str]) -> Sequence[Fault]:
    """A fault for every minute but the first and the last: all of these before any comes again."""
    random = Random(seed)
    chosen = [
        fault
        for fault in FAULTS.values()
        if (fault.name in names if names else fault.stage == "plain" and not fault.disabled)
    ]
    planned: list[type[Fault]] = []
    while len(planned) < minutes - 2:
        planned += random.sample(chosen, len(chosen))
    return [fault(random) for fault in planned[: max(minutes - 2, 0)]]


def soaked(growth: Sequence[Growth], quiesced: float) -> Iterator[str]:
    """What is wrong with its memory, and with what it left behind."""
    for each in growth:
        if each.part > _FLAT:
            yield f"{each.role} has grown by {each.part:.0%}, from {each.begin:.0f} to {each.end:.0f} MB"
    if quiesced > LIFE / 1000 + _BACKLOG:
        yield f"there was a backlog: all was there {quiesced:.0f} s after the last submit"
