"""The plan of faults: the same for the same seed."""

from collections.abc import Mapping, Sequence
from random import Random

from tests.chaos.faults import FAULTS
from tests.chaos.faults.base import Fault
from tests.chaos.stages import STAGES


def plan(seed: int, names: Sequence[str]) -> Mapping[str, Sequence[Fault]]:
    """These faults, or all that are enabled, by their stages, in the order that the seed gives them."""
    random = Random(seed)
    chosen = [FAULTS[name] for name in names] if names else [f for f in FAULTS.values() if not f.disabled]
    faults = [fault(random) for fault in chosen]
    random.shuffle(faults)
    return {stage: [fault for fault in faults if fault.stage == stage] for stage in _stages(faults)}


def _stages(faults: Sequence[Fault]) -> Sequence[str]:
    return [name for name in STAGES if any(fault.stage == name for fault in faults)]
