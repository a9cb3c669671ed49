"""The settings of the cluster under test: short leases, so that a fault is over soon."""

from collections.abc import Mapping
from datetime import timedelta

LEASE = 4.0
"""Seconds, of a worker and of the scheduler."""
STORE_TIMEOUT = timedelta(seconds=2)
"""With half as long again less than a lease, or what a dead worker had in a transaction would outlast it."""
GRACE = 5.0
"""How many seconds a worker that is told to end may finish what it runs."""
SWEEP = 1.0
WORKERS = 3
ON_TIME = 1.0
"""How many seconds late a start may be and still count as on time again."""
RECLAIM = LEASE + 4.0
"""Within how many seconds what a dead worker held is tried again: its lease, a sweep, the backoff of the
workload and what a busy machine adds."""
START = 6.0
"""How many seconds Ray may take to start processes anew, on a machine that has other things to do."""


def _text(seconds: float) -> str:
    return f"PT{timedelta(seconds=seconds).total_seconds():g}S"


SETTINGS: Mapping[str, str] = {
    "KARYA_LOG__LEVEL": "info",
    "KARYA_STORE__TIMEOUT": _text(STORE_TIMEOUT.total_seconds()),
    "KARYA_QUEUE__HEARTBEAT": _text(0.5),
    "KARYA_SCHEDULER__LEASE": _text(LEASE),
    "KARYA_SCHEDULER__POLL": _text(0.5),
    "KARYA_SCHEDULER__RESEND_AFTER": _text(1),
    "KARYA_SCHEDULER__SWEEP": _text(SWEEP),
    "KARYA_WORKER__COUNT": str(WORKERS),
    "KARYA_WORKER__LEASE": _text(LEASE),
    "KARYA_WORKER__GRACE": _text(GRACE),
    "KARYA_CONNECTORS__REST__CONNECT_TIMEOUT": _text(1),
}
