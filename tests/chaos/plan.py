"""The plan of faults: the same for the same seed."""

from collections.abc import Sequence
from random import Random

from tests.chaos.faults import FAULTS
from tests.chaos.faults.base import Fault


def plan(seed: int, names: Sequence[str]) -> Sequence[Fault]:
    """These faults, or all that are enabled, in the order that the seed gives them."""
    random = Random(seed)
    chosen = [FAULTS[name] for name in names] if names else [f for f in FAULTS.values() if not f.disabled]
    faults = [fault(random) for fault in chosen]
    random.shuffle(faults)
    return faults
