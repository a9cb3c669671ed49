"""The command line of the embedded mongod."""

from pathlib import Path

from karya.store.mongod import replica_set

LEAST_CACHE_MB = 256
"""Less WiredTiger does not take."""


def command(binary: Path, data: Path, log: Path, port: int, cache_mb: int) -> list[str]:
    """A member of the replica set `karya`, on loopback only; `cache_mb` is WiredTiger's cache in MiB.

    The journal needs no flag: a member of a replica set cannot run without it.
    """
    return [
        str(binary),
        *("--replSet", replica_set.NAME),
        *("--bind_ip", replica_set.HOST, "--port", str(port), "--nounixsocket"),
        *("--dbpath", str(data)),
        *("--logpath", str(log), "--logappend", "--quiet"),
        *("--wiredTigerCacheSizeGB", f"{max(cache_mb, LEAST_CACHE_MB) / 1024:g}"),
        # By default it may take a twentieth of the disk, for members that do not exist here.
        *("--oplogSize", "1024"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # What a killed client has written in a transaction is locked for so long; by default, for a minute.
        *("--setParameter", "transactionLifetimeLimitSeconds=10"),
    ]
