"""The messages between dispatcher and workers: one JSON frame each, checked by pydantic on arrival.

Workers send reports, the dispatcher sends orders. A frame that is no message decodes to None, never
to an exception: whatever arrives from a socket must not be able to stop the loop that reads it.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from karya.core.hint import Hint
from karya.core.pools import DEFAULT_POOL
from karya.core.times import Instant

MAX_ORDER_BYTES: Final = 4 * 1024 * 1024
MAX_REPORT_BYTES: Final = 64 * 1024
MAX_HINTS: Final = 500
"""In one message; larger batches gain nothing and keep the other workers waiting."""

Count = Annotated[int, Field(ge=0, le=2**53)]
Slots = Annotated[int, Field(ge=0, le=100_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Role(StrEnum):
    """A worker asks for hints; a client only pokes."""

    WORKER = "worker"
    CLIENT = "client"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Hello(_Message):
    """The first word of a connection; every connection is a session of its own."""

    type: Literal["hello"] = "hello"
    owner: Name
    session: Name
    role: Role = Role.WORKER
    pool: Name = DEFAULT_POOL
    """Whose hints it takes."""


class Credit(_Message):
    """How many more hints the sender takes, and how many it has received in this session.

    Both are absolute, so that a lost or repeated one does no harm. It is the worker's heartbeat too.
    """

    type: Literal["credit"] = "credit"
    session: Name
    received: Count
    free: Slots
    running: Slots


class Poke(_Message):
    """Tasks have just been stored: those that are told, and others, if any, of which none is due before."""

    type: Literal["poke"] = "poke"
    due_at: Instant | None
    told: tuple[Hint, ...] = ()


class Bye(_Message):
    """The sender leaves and wants nothing more; of this session's hints it has taken over so many."""

    type: Literal["bye"] = "bye"
    taken: Count = 0


class Work(_Message):
    """Hints for this worker, within its credit."""

    type: Literal["work"] = "work"
    hints: tuple[Hint, ...]


class Beat(_Message):
    """The dispatcher's heartbeat."""

    type: Literal["beat"] = "beat"


class Again(_Message):
    """The dispatcher does not know the receiver: say hello again."""

    type: Literal["again"] = "again"


class Farewell(_Message):
    """The dispatcher leaves in order: the receiver need not wait for its silence to look for the next."""

    type: Literal["farewell"] = "farewell"


Report = Hello | Credit | Poke | Bye
Order = Work | Beat | Again | Farewell

_REPORT: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="type")])
_ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="type")])
_T = TypeVar("_T")
_HINT = TypeAdapter(Hint)
_MOST_TOLD_BYTES = MAX_REPORT_BYTES - 1024
_HEAD, _TAIL = b'{"type":"work","hints":[', b"]}"


def encode(message: Report | Order) -> bytes:
    """The message as one frame. Work goes through `pack`, which keeps to the limit."""
    if isinstance(message, Poke) and message.told:
        return _encode_told(message)
    return message.__pydantic_serializer__.to_json(message)


def _encode_told(poke: Poke) -> bytes:
    """What does not fit is not told, and has to be looked for."""
    parts = [_HINT.dump_json(hint, exclude_defaults=True) for hint in poke.told]
    if sum(map(len, parts)) > _MOST_TOLD_BYTES:
        others = [] if poke.due_at is None else [poke.due_at]
        return encode(Poke(due_at=min([*others, *(hint.due_at for hint in poke.told)])))
    return encode(poke.model_copy(update={"told": ()}))[: -len("]}")] + b",".join(parts) + b"]}"


def decode_report(frames: Sequence[bytes]) -> Report | None:
    """What a worker said, or None when it is no message."""
    return _decode(_REPORT, frames, MAX_REPORT_BYTES)


def decode_order(frames: Sequence[bytes]) -> Order | None:
    """What the dispatcher said, or None when it is no message."""
    return _decode(_ORDER, frames, MAX_ORDER_BYTES)


def _decode(adapter: TypeAdapter[_T], frames: Sequence[bytes], limit: int) -> _T | None:
    if len(frames) != 1 or len(frames[0]) > limit:
        return None
    try:
        return adapter.validate_json(frames[0])
    except ValidationError:
        return None


def pack(hints: Sequence[Hint]) -> tuple[bytes, int]:
    """A work frame of as many leading hints as fit (at least one), and their number."""
    parts: list[bytes] = []
    size = len(_HEAD) + len(_TAIL)
    for hint in hints[:MAX_HINTS]:
        part = _encode_hint(hint)
        size += len(part) + 1
        if parts and size > MAX_ORDER_BYTES:
            break
        parts.append(part)
    return _HEAD + b",".join(parts) + _TAIL, len(parts)


def _encode_hint(hint: Hint) -> bytes:
    # Leaving the defaults out halves the cost of both ends.
    part = _HINT.dump_json(hint, exclude_defaults=True)
    if len(part) + len(_HEAD) + len(_TAIL) < MAX_ORDER_BYTES:
        return part
    return _HINT.dump_json(replace(hint, action=None), exclude_defaults=True)
