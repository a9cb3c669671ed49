"""A deployment, and the rate at which each of its parts is busy all the time."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.scaling.costs import Costs

_SECOND = 1e6
BATCH = 50
"""How many tasks go together from part to part."""
JOURNAL_BYTES_A_SECOND = 400e6
"""Of one shard: an NVMe disk, written in order."""
NETWORK_BYTES_A_SECOND = 1.25e9
"""Of one node: 10 Gbit/s."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """How many of each part there are. Where they are not `apart`, all of them share the cores of one
    machine, which are then those of the only shard."""

    schedulers: int = 1
    workers: int = 2
    slots: int = 100
    """Of each worker (`worker.slots`)."""
    shards: int = 1
    shard_cores: int = 2
    apart: bool = True

    def limits(self, costs: Costs) -> Mapping[str, float]:
        """Tasks a second at which each part can do no more. A scheduler and a worker are one thread each, as
        long as Python has its lock."""
        found = {
            "scheduler": self.schedulers * _SECOND / costs.scheduler,
            "workers": self.workers * _SECOND / costs.worker,
            "mongod": self.shards * self.shard_cores * _SECOND / costs.mongod,
            "slots": self.workers * self.slots * _SECOND / (BATCH * costs.total),
            "journal": self.shards * JOURNAL_BYTES_A_SECOND / costs.journal_bytes,
            "network": self.schedulers * NETWORK_BYTES_A_SECOND / costs.hint_bytes,
        }
        if not self.apart:
            found["machine"] = self.shard_cores * _SECOND / costs.total
        return found

    def rate(self, costs: Costs) -> tuple[float, str]:
        """The most tasks a second, and the part that allows no more."""
        limits = self.limits(costs)
        part = min(limits, key=lambda name: limits[name])
        return limits[part], part


def needed(
    rate: float, costs: Costs, *, shard_cores: int = 8, slots: int = 1_000, headroom: float = 1.25
) -> Deployment:
    """The smallest deployment apart whose every part could do so many tasks a second and a quarter more."""
    wanted = rate * headroom

    def parts(capacity: float) -> int:
        return max(1, -int(-wanted // capacity))

    one = Deployment(1, 1, slots, 1, shard_cores).limits(costs)
    return Deployment(
        schedulers=max(parts(one["scheduler"]), parts(one["network"])),
        workers=max(parts(one["workers"]), parts(one["slots"])),
        slots=slots,
        shards=max(parts(one["mongod"]), parts(one["journal"])),
        shard_cores=shard_cores,
    )
