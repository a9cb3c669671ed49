"""How things are named: sortable ids for what clients create, derived ids for what follows from it."""

import hashlib
import secrets
import uuid
from datetime import datetime

from karya.core.times import to_millis

PARTITIONS = 256


def new_id(now: datetime) -> str:
    """A UUIDv7 (RFC 9562): its first 48 bits are the millisecond, so ids sort by creation."""
    value = to_millis(now) << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def derived_id(*parts: str) -> str:
    """A UUIDv8 (RFC 9562) that is a hash of its parts: the same parts always give the same id."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
    value = int.from_bytes(digest) & ~(0xF << 76) & ~(0b11 << 62) | 0x8 << 76 | 0b10 << 62
    return str(uuid.UUID(int=value))


def task_id(job_id: str, cause: str, step: str) -> str:
    """The id of the one task of (job, cause, step), so that inserting it twice cannot make two (I2)."""
    return derived_id(job_id, cause, step)


def partition_of(job_id: str) -> int:
    """The partition (0 to 255) of a job's tasks, for schedulers that share the work later."""
    return hashlib.blake2b(job_id.encode(), digest_size=1).digest()[0]
