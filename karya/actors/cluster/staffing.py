"""Who shall be there: the names of the actors of a cluster, but for the supervisor, as a table. No I/O."""

from collections.abc import Collection, Iterable, Mapping
from itertools import count

from karya.actors.cluster.names import SCHEDULER, SERVER, pool_of, worker_name
from karya.core.settings import PoolSettings


def full_staff(pools: Mapping[str, PoolSettings], living: Iterable[str] = ()) -> set[str]:
    """A scheduler, a server, and in each pool those of the living workers for whom it has room, filled up to
    its count."""
    living = list(living)
    names = {SCHEDULER, SERVER}
    for pool, wanted in pools.items():
        present = members(pool, living)[: wanted.most]
        while len(present) < wanted.count:
            present.append(free_name(pool, present))
        names.update(present)
    return names


def members(pool: str, names: Iterable[str]) -> list[str]:
    """The workers of a pool, the lowest number first."""
    return sorted((name for name in names if pool_of(name) == pool), key=_number)


def free_name(pool: str, taken: Collection[str]) -> str:
    """The name of one more worker: the lowest number that nobody has."""
    return next(name for name in (worker_name(n, pool) for n in count()) if name not in taken)


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
