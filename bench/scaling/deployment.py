"""A cluster: what it consists of. What it can do by a formula is in `limits.py`."""

from dataclasses import dataclass
from enum import Enum

PARTITIONS = 256
NODE_CORES = 16
"""Of the machines for schedulers, servers and workers."""
JOURNAL_BYTES_A_SECOND = 400e6
"""Of one MongoDB: an NVMe disk, written in order."""
NETWORK_BYTES_A_SECOND = 1.25e9
"""Of one node: 10 Gbit/s."""


class Routing(Enum):
    """Which shards a command goes to. Jobs and tasks are on the shard of their partition; none of this is
    built, and with one shard all of it is the same."""

    CELLS = "by partition, workers of one shard"
    """A scheduler's partitions are on one shard, and a worker is told by schedulers of one shard."""
    SPREAD = "by partition, any worker"
    """The same, but a worker is told by all schedulers: a command for each shard."""
    BY_ID = "by id"
    """Commands name tasks by their ids alone, as today's do: each goes to all shards."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One cluster: servers, schedulers, workers, a MongoDB. Where it is not `apart`, all of them share the
    cores of one machine; else each member of MongoDB has a machine of so many cores."""

    workers: int = 2
    slots: int = 100
    """Of each worker (`worker.slots`)."""
    mongod_cores: int = 2
    apart: bool = True
    schedulers: int = 1
    """They part the partitions among them."""
    shards: int = 1
    members: int = 1
    """Of each shard: three, and one of two copies is waited for."""
    routing: Routing = Routing.CELLS

    @property
    def cores(self) -> int:
        """Of all its machines that are busy: a server, each scheduler and each worker keep one at most."""
        own = self.workers + self.schedulers + 1 if self.apart else 0
        return self.mongod_cores * self.shards * self.members + own

    @property
    def nodes(self) -> int:
        """Machines."""
        if not self.apart:
            return 1
        own = -(-(self.workers + self.schedulers + 1) // NODE_CORES)
        return self.shards * self.members + own

    @property
    def asked(self) -> int:
        """How many shards one group of tasks is claimed from."""
        return 1 if self.routing is Routing.CELLS else self.shards

    @property
    def commands(self) -> int:
        """How many commands its worker sends for that. A router passes one on to all shards by itself."""
        return self.shards if self.routing is Routing.SPREAD else 1

    def owned(self, scheduler: int) -> int:
        """How many partitions this one has, of those from 0 on."""
        return _part(PARTITIONS, self.schedulers, scheduler)

    def shard_of(self, scheduler: int) -> int:
        """Where the partitions of this one are."""
        return scheduler * self.shards // self.schedulers


def _part(whole: int, among: int, number: int) -> int:
    return whole // among + (number < whole % among)
