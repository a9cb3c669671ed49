"""How the actors of one cluster are called."""

from collections.abc import Mapping

from karya.core.pools import DEFAULT_POOL
from karya.core.settings import PoolSettings

SERVER = "server"
SCHEDULER = "scheduler"


def worker_name(number: int, pool: str = DEFAULT_POOL) -> str:
    """The name of a worker, numbered from 0 in its pool."""
    return f"worker-{number}" if pool == DEFAULT_POOL else f"worker-{pool}-{number}"


def worker_names(pools: Mapping[str, PoolSettings]) -> Mapping[str, str]:
    """The name and the pool of every worker."""
    return {worker_name(n, pool): pool for pool, wanted in pools.items() for n in range(wanted.count)}
