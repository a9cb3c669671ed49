"""A cluster, and by a formula the rate at which each of its parts can do no more."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.scaling.costs import Costs, Intake

_SECOND = 1e6
_MOST_TOGETHER = 500
JOURNAL_BYTES_A_SECOND = 400e6
"""Of one MongoDB: an NVMe disk, written in order."""
NETWORK_BYTES_A_SECOND = 1.25e9
"""Of one node: 10 Gbit/s."""
FLUSHES_WAITED_FOR = 1.5
"""Who comes while the journal is being flushed waits for the rest of it, and for the next."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One cluster: a server, a scheduler, its workers, a MongoDB. Where it is not `apart`, all of them share
    the cores of one machine; else MongoDB has a machine of so many cores, and the others have another."""

    workers: int = 2
    slots: int = 100
    """Of each worker (`worker.slots`)."""
    mongod_cores: int = 2
    apart: bool = True

    @property
    def cores(self) -> int:
        """Of all its machines: the server, the scheduler and each worker keep one busy at most."""
        return self.mongod_cores + (2 + self.workers if self.apart else 0)

    @property
    def nodes(self) -> int:
        """Machines."""
        return 2 if self.apart else 1

    def limits(self, costs: Costs) -> Mapping[str, float]:
        """Tasks a second at which each part can do no more. A scheduler and a worker are one thread each, as
        long as Python has its lock. A worker announces half of its slots at a time,
        and an update waits until half of such a lot has run before its thread turns to it."""
        lot, group = self.slots / 2, min(self.slots, _MOST_TOGETHER)
        behind = lot * costs.worker / 2
        claims = behind + _update(costs, lot, costs.claim)
        reports = behind + _update(costs, group, costs.outcome)
        turn = (
            claims
            + 1_000 * costs.action_ms
            + lot * (costs.scheduler + costs.chain + costs.chain_write + costs.worker)
        )
        if costs.end:
            reports += behind + _update(costs, group, costs.end)
        found = {
            "scheduler": _SECOND / (costs.scheduler + costs.chain + costs.chain_write),
            "workers": self.workers * _SECOND / costs.workers(group),
            "slots": self.workers * _SECOND * self.slots / turn,
            "claims": self.workers * _SECOND * lot / claims,
            "reports": self.workers * _SECOND * group / reports,
            "mongod": self.mongod_cores * _SECOND / costs.mongod(group),
            "journal": JOURNAL_BYTES_A_SECOND / costs.journal_bytes,
            "network": NETWORK_BYTES_A_SECOND / costs.network_bytes,
        }
        if not self.apart:
            found["machine"] = self.mongod_cores * _SECOND / costs.total(group)
        return found

    def rate(self, costs: Costs) -> tuple[float, str]:
        """The most tasks a second, and the part that allows no more."""
        return least(self.limits(costs))

    def intake(self, intake: Intake) -> tuple[float, str]:
        """The most jobs a second that its server takes in, and the part that allows no more."""
        cores = {"machine": self.mongod_cores * _SECOND / (intake.server + intake.mongod + intake.beside)}
        parts = {"server": _SECOND / intake.server, "transactions": _SECOND / intake.mongod}
        return least({**parts, **({} if self.apart else cores)})


def least(limits: Mapping[str, float]) -> tuple[float, str]:
    """What breaks first: its rate and its name."""
    part = min(limits, key=lambda name: limits[name])
    return limits[part], part


def _update(costs: Costs, count: float, each: float) -> float:
    """One durable update of so many tasks by a worker: work, and what it waits for."""
    waits = 1_000 * (costs.round_trip_ms + FLUSHES_WAITED_FOR * costs.mean_flush_ms)
    return costs.client + costs.command + waits + count * each


def needed(
    rate: float, costs: Costs, *, mongod_cores: int = 8, headroom: float = 1.25
) -> tuple[int, Deployment]:
    """How many clusters, and what each is, so that every part could do so many tasks a second and a quarter
    more: no more clusters than their schedulers and databases make necessary."""
    wanted = rate * headroom
    one = Deployment(1, 500, mongod_cores).limits(costs)
    of_a_cluster = min(one[part] for part in ("scheduler", "mongod", "journal", "network"))
    clusters = _parts(wanted, of_a_cluster)
    of_a_worker = min(one[part] for part in ("workers", "slots", "claims", "reports"))
    return clusters, Deployment(_parts(wanted / clusters, of_a_worker), 500, mongod_cores)


def servers(rate: float, intake: Intake, headroom: float = 1.25) -> int:
    """How many clusters it takes to take in so many jobs a second and a quarter more: each has one server."""
    return _parts(rate * headroom, Deployment().intake(intake)[0])


def _parts(wanted: float, capacity: float) -> int:
    return max(1, -int(-wanted // capacity))
