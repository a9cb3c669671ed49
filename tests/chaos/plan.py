"""The plan of faults: the same for the same seed."""

from collections.abc import Mapping, Sequence
from random import Random

from tests.chaos.faults import FAULTS
from tests.chaos.faults.base import Fault
from tests.chaos.stages import STAGES, Stage

Plan = Mapping[str, Sequence[Fault]]
"""By the stages on which they are played."""


def planned(seed: int, names: Sequence[str], soak: int | None = None) -> Plan:
    """What these options ask for: a soak of so many minutes, or each fault once."""
    return plan(seed, names) if soak is None else {Stage.name: soak_plan(seed, soak, names)}


def plan(seed: int, names: Sequence[str]) -> Plan:
    """These faults, or all, by their stages, in the order that the seed gives them."""
    random = Random(seed)
    faults = [FAULTS[name](random) for name in names or FAULTS]
    random.shuffle(faults)
    return {stage: [fault for fault in faults if fault.stage == stage] for stage in _stages(faults)}


def soak_plan(seed: int, minutes: int, names: Sequence[str]) -> Sequence[Fault]:
    """A fault for every minute but the first and the last, of these or of all that are played on the plain
    stage: each of them before any comes again."""
    random = Random(seed)
    chosen = [FAULTS[name] for name in names or FAULTS if FAULTS[name].stage == Stage.name]
    faults: list[type[Fault]] = []
    while chosen and len(faults) < minutes - 2:
        faults += random.sample(chosen, len(chosen))
    return [fault(random) for fault in faults[: max(minutes - 2, 0)]]


def _stages(faults: Sequence[Fault]) -> Sequence[str]:
    return [name for name in STAGES if any(fault.stage == name for fault in faults)]
