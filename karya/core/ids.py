"""How things are named: sortable ids for what clients create, derived ids for what follows from it."""

import hashlib
import os
import secrets
import uuid
from datetime import datetime
from functools import lru_cache

from karya.core.times import LATEST, from_millis, to_millis

PARTITIONS = 256
MOST_NUMBERED = 1 << 16
"""How many ids `numbered_id` can make of one."""

_RANDOM_BITS = 74
_RANDOM_BYTES = 10
_SPARE_BITS = 8 * _RANDOM_BYTES - _RANDOM_BITS
_DRAWN = 256
_drawn: list[int] = []
"""Random numbers for ids to come."""
_HASH_BITS = 58


def new_id(now: datetime) -> str:
    """A UUIDv7 (RFC 9562): its first 48 bits are the millisecond, so ids sort by creation."""
    return _version_7(to_millis(now), _random_bits())


def fixed_id(at: datetime, *parts: str) -> str:
    """A UUIDv7 of this millisecond whose other bits are a hash of the parts: it sorts like `new_id`, and the
    same instant and parts always give the same one."""
    return _version_7(to_millis(at), _digest(parts) >> (128 - _RANDOM_BITS))


def numbered_id(ident: str, number: int) -> str:
    """The id of item `number` (0 to 65,535) of what `ident`, an id of `new_id`, names as a whole: always the
    same, in its millisecond, and in the order of the numbers (RFC 9562, 6.2: a dedicated counter)."""
    if not 0 <= number < MOST_NUMBERED:
        raise ValueError(f"number {number}: from 0 to {MOST_NUMBERED - 1}")
    tail = _digest((ident, str(number))) >> (128 - _HASH_BITS)
    return _version_7(to_millis(minted_at(ident)), number << _HASH_BITS | tail)


@lru_cache(64)  # asked for each item of a batch
def minted_at(ident: str) -> datetime:
    """The millisecond in which `new_id` made this id; ValueError for what it cannot have made."""
    value = uuid.UUID(ident)
    if value.version != 7 or str(value) != ident or value.int >> 80 >= to_millis(LATEST):
        raise ValueError(f"{ident!r} is no UUIDv7 in lower case, from before the year 9000")
    return from_millis(value.int >> 80)


def id_floor(instant: datetime) -> str:
    """A bound for comparisons: ids made before this millisecond sort below it, all others above."""
    return _text(to_millis(instant) << 80)


def derived_id(*parts: str) -> str:
    """A UUIDv8 (RFC 9562) that is a hash of its parts: the same parts always give the same id."""
    value = _digest(parts) & ~(0xF << 76) & ~(0b11 << 62) | 0x8 << 76 | 0b10 << 62
    return _text(value)


def task_id(job_id: str, cause: str, step: str) -> str:
    """The id of the one task of (job, cause, step), so that inserting it twice cannot make two (I2)."""
    return derived_id(job_id, cause, step)


def partition_of(job_id: str) -> int:
    """The partition (0 to 255) of a job's tasks, for schedulers that share the work later."""
    return hashlib.blake2b(job_id.encode(), digest_size=1).digest()[0]


def _random_bits() -> int:
    """Drawn many at a time: each draw lets go of the interpreter, and where other threads are at work that
    costs a server more than all the rest of an id."""
    try:
        return _drawn.pop()
    except IndexError:  # no look whether there is one: another thread may take the last
        numbers = secrets.token_bytes(_RANDOM_BYTES * _DRAWN)
        starts = range(0, len(numbers), _RANDOM_BYTES)
        first, *others = (int.from_bytes(numbers[at : at + _RANDOM_BYTES]) >> _SPARE_BITS for at in starts)
        _drawn.extend(others)
        return first


os.register_at_fork(after_in_child=_drawn.clear)  # else parent and child would make the same ids


def _digest(parts: tuple[str, ...]) -> int:
    return int.from_bytes(hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest())


def _version_7(millis: int, bits: int) -> str:
    high, low = bits >> 62, bits & (1 << 62) - 1
    return _text(millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def _text(value: int) -> str:
    """What `str(uuid.UUID(int=value))` gives, in a quarter of the time: each submit makes three ids."""
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
