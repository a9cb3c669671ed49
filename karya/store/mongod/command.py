"""The command line of the embedded mongod."""

from datetime import timedelta
from math import ceil
from pathlib import Path

from karya.core.settings import StoreSettings
from karya.store.mongod import replica_set

LEAST_CACHE_MB = 256
"""Less WiredTiger does not take."""

_EVICTION = ",".join(
    (
        "eviction_dirty_target=20",
        "eviction_dirty_trigger=40",
        "eviction_updates_target=20",
        "eviction_updates_trigger=40",
    )
)
"""Percent of the cache. By default WiredTiger begins to write pages out when a twentieth is dirty; the
document of a task is changed three times within moments, and its page was then written as often (0072)."""

PATIENCE = StoreSettings().timeout
"""After which clients give up what they are at, where nobody says otherwise."""


def command(
    binary: Path, data: Path, log: Path, port: int, cache_mb: int, patience: timedelta = PATIENCE
) -> list[str]:
    """A member of the replica set `karya`, on loopback only; `cache_mb` is WiredTiger's cache in MiB, and
    `patience` for how long a transaction may last, in whole seconds.

    The journal needs no flag: a member of a replica set cannot run without it.
    """
    return [
        str(binary),
        *("--replSet", replica_set.NAME),
        *("--bind_ip", replica_set.HOST, "--port", str(port), "--nounixsocket"),
        *("--dbpath", str(data)),
        *("--logpath", str(log), "--logappend", "--quiet"),
        *("--wiredTigerCacheSizeGB", f"{max(cache_mb, LEAST_CACHE_MB) / 1024:g}"),
        *("--wiredTigerEngineConfigString", _EVICTION),
        # By default it may take a twentieth of the disk, for members that do not exist here.
        *("--oplogSize", "1024"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # What a killed client has written in a transaction is locked for so long, and half as long again.
        *("--setParameter", f"transactionLifetimeLimitSeconds={ceil(patience.total_seconds())}"),
    ]
