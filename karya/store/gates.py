"""One document for each limit in use, as MongoDB updates: what claims, outcomes and waking have in common.

It counts nothing that could be lost: of concurrency the RUNNING tasks are the count, of a rate it keeps the
starts. Every claim under a limit writes it, so of two at once one is done again. While tasks are parked for
the limit it is `waiting`, and `wake_at` says when to look at them. `seq` tells whether anybody wrote it. What
was let go is `promised` its room for a moment, against those who come new.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from karya.core.limits import Starts, counted, free_at, window_length
from karya.core.task import TaskState
from karya.core.times import MILLISECOND
from karya.store.blocking import Document
from karya.store.updates import due_again

Change = tuple[str, Document]
"""The id of a limit, and the update of it."""

RECHECK = timedelta(seconds=10)
"""How long parked tasks wait at most for somebody to look at them, if whoever should have said that there is
room died before that."""

CLAIMING = timedelta(seconds=1)
"""How long those that were let go may take until they are claimed, before others are."""

_SEAT = '["seat"'

_KEPT = timedelta(days=1)
"""How long a limit that nobody uses is kept beyond its period."""


def touched(now: Any) -> list[Document]:
    """Somebody claims under the limit."""
    return [{"$set": {"seen_at": now, "seq": _next()}}]


def freed(now: Any) -> list[Document]:
    """There is room for those that wait: it is time to look at them, behind those of other limits that have
    waited for a look since before."""
    return [{"$set": {"wake_at": {"$min": ["$wake_at", now]}, "seq": _next()}}]


def waited_for(now: Any, at: timedelta) -> list[Document]:
    """Tasks are parked; the next look is no later than it was to be."""
    wake_at = {"$min": ["$wake_at", {"$add": [now, at // MILLISECOND]}]}
    return [{"$set": {"waiting": True, "wake_at": wake_at, "seq": _next()}}, {"$unset": "forget_at"}]


def looked_at(wake_at: datetime) -> Document:
    """Some are still parked."""
    return {"$set": {"waiting": True, "wake_at": wake_at}, "$unset": {"forget_at": ""}}


def deserted(ident: str, now: datetime) -> Document:
    """Nobody waits."""
    keep = _KEPT + (timedelta(0) if is_seat(ident) else window_length(ident))
    return {"$set": {"forget_at": now + keep}, "$unset": {"waiting": "", "wake_at": "", "promised": ""}}


def is_waiting(gate: Document) -> bool:
    """Whether tasks wait for it, or were let go a moment ago."""
    waiting: bool = gate.get("waiting", False)
    return waiting


def promised(gate: Document, count: int, wake_at: datetime, now: datetime) -> list[Document]:
    """So many are let go now: until they are claimed their room is kept for them, for CLAIMING at most. The
    next look is then, unless somebody has written the limit since it was read."""
    kept = {"$filter": {"input": {"$ifNull": ["$promised", []]}, "cond": {"$gt": ["$$this.until", now]}}}
    more = [{"until": now + CLAIMING, "count": count}]
    is_as_read = {"$eq": ["$seq", gate["seq"]]}
    look = {"$cond": [is_as_read, wake_at, {"$ifNull": ["$wake_at", wake_at]}]}
    change = {"promised": {"$concatArrays": [kept, more]}, "waiting": True, "wake_at": look}
    return [{"$set": change}, {"$unset": "forget_at"}]


def promises(gate: Document, now: datetime) -> list[Document]:
    """Those that hold still: until when, and for how many."""
    return [one for one in gate.get("promised", ()) if one["until"] > now]


def fewer(promises: Sequence[Document], count: int) -> list[Document]:
    """So many have come, the longest expected first."""
    left: list[Document] = []
    for one in promises:
        come = min(count, one["count"])
        count -= come
        if one["count"] > come:
            left.append({**one, "count": one["count"] - come})
    return left


def _next() -> Document:
    return {"$add": [{"$ifNull": ["$seq", 0]}, 1]}


def running(seat: str) -> Document:
    """What is counted."""
    return {"seat": seat, "status": TaskState.RUNNING.value}


def parked(ident: str | Document) -> Document:
    """What waits for the limit, or for those that an expression finds."""
    return {"parked.for": ident, "status": TaskState.READY.value}


def park(ident: str, limit: int, now: Any) -> list[Document]:
    """A task waits from now on for one of its limits, which allows it so many."""
    parked = {"for": {"$literal": ident}, "limit": limit, "at": now}
    return [{"$set": {"held": True, "parked": parked}}, {"$unset": "let_go_for"}]


def let_go(ident: str, now: datetime) -> list[Document]:
    """A task that was parked may be claimed, in front of those who come new: it was not late before. Its due
    time is another one in any case: else the scheduler would take it for one that it has handed over."""
    due_at = {"$max": [{"$add": ["$due_at", 1]}, now]}
    waited = {"$max": [0, {"$subtract": [now, {"$ifNull": ["$parked.at", "$due_at"]}]}]}
    limit_wait_ms = {"$add": [{"$ifNull": ["$limit_wait_ms", 0]}, waited]}
    free = {"held": False, **due_again(due_at), "limit_wait_ms": limit_wait_ms}
    free["let_go_for"] = {"$literal": ident}
    return [{"$set": free}, {"$unset": "parked"}]


def is_seat(ident: str) -> bool:
    """Whether the id is that of a concurrency limit, rather than of a rate."""
    return ident.startswith(_SEAT)


def names_seat(ident: str) -> Document:
    """`is_seat` as an expression, of a field."""
    return {"$eq": [{"$substrBytes": [ident, 0, len(_SEAT)]}, _SEAT]}


def starts_of(gate: Document) -> list[Starts]:
    """The starts that a rate limit keeps."""
    return [Starts(one["at"], one["count"]) for one in gate.get("starts", ())]


def starts_document(starts: Sequence[Starts]) -> list[Document]:
    """The starts as they are stored."""
    return [asdict(one) for one in starts]


def started(gate: Document, now: datetime) -> int:
    """How many of the present stretch of time are taken."""
    return counted(starts_of(gate), window_length(gate["_id"]), now)


def opens_at(gate: Document, limit: int, now: datetime) -> datetime:
    """When a rate limit has room for the next start."""
    return free_at(starts_of(gate), window_length(gate["_id"]), limit, now)


def chosen(waiting: Collection[Document], taken: int) -> Sequence[str]:
    """Those of the parked tasks that there is room for, each by its own limit."""
    let: list[str] = []
    for task in waiting:
        if taken + len(let) < task["parked"]["limit"]:
            let.append(task["_id"])
    return let
