"""One claimed task on its way through a worker: waited for, checked, performed, reported."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from karya.core.action import ActionText
from karya.core.errorlog import shorten
from karya.core.outcome import Failure, Outcome, Stopped
from karya.core.ports import ActionRunner, AttemptContext, Claim
from karya.core.ports.traces import AttemptTrace
from karya.core.times import format_duration

MAX_RESULT_BYTES = 64 * 1024


class Stop(StrEnum):
    """Why a worker stops an attempt before its end."""

    CANCELLED = "cancelled"
    LOST = "lost"
    HANDED_BACK = "handed back"


@dataclass(slots=True, eq=False)
class Held:
    """A claimed task in this worker's hands.

    `trusted_until` (monotonic seconds) is when the worker must take its lease for lost unless it was
    renewed: counted from before the request, so always earlier than the database's own expiry.
    """

    claim: Claim
    owner: str
    trusted_until: float
    start_by: datetime
    running: asyncio.Task[None] | None = None
    begun: bool = False
    started_at: datetime | None = None
    stopped: Stop | None = None
    ended: bool = False
    trace: AttemptTrace | None = None

    @property
    def task_id(self) -> str:
        """The id of the task."""
        return self.claim.hint.task_id

    def log_fields(self) -> Mapping[str, Any]:
        """See `logs.Named`."""
        hint = self.claim.hint
        attempt: dict[str, Any] = {"job": hint.job_id, "task": hint.task_id, "attempt": hint.attempt}
        if self.trace is not None:
            attempt["trace_id"] = f"{self.trace.own.trace_id:032x}"
        return {**attempt, "worker": self.owner}

    def stop(self, why: Stop) -> None:
        """Interrupts the attempt, unless its outcome is known already.

        One that has not begun sees for itself that it was stopped: cancelled before its first step, a
        coroutine never runs at all, not even to clean up.
        """
        if self.ended or self.stopped:
            return
        self.stopped = why
        if self.running is not None and self.begun:
            self.running.cancel()

    def context(self) -> AttemptContext:
        """What the action may know."""
        hint = self.claim.hint
        return AttemptContext(
            task_id=hint.task_id,
            job_id=hint.job_id,
            attempt=hint.attempt,
            token=hint.token + 1,
            instant=hint.instant,
            event=self.claim.event,
            user_id=hint.user_id,
            trace=self.trace.handed_on if self.trace else None,
        )


async def perform(held: Held, action: ActionText, actions: ActionRunner) -> Outcome | None:
    """Runs the action, no longer than its task allows, and returns what it came to; None when the attempt
    is no longer ours to judge."""
    limit = held.claim.hint.timeout
    try:
        if limit is None:
            return await actions.run(action, held.context())
        return await _within(limit, actions.run(action, held.context()))
    except asyncio.CancelledError:
        if held.stopped is None:
            raise
        return interrupted(held)
    except Exception as error:
        return Failure(shorten(f"{type(error).__name__}: {error}"), code="exception")


async def _within(limit: timedelta, running: Awaitable[Outcome]) -> Outcome:
    try:
        async with asyncio.timeout(limit.total_seconds()) as bound:
            return await running
    except Exception:
        if not bound.expired():
            raise
        return Failure(f"timed out after {format_duration(limit)}", code="timeout")


def interrupted(held: Held) -> Outcome | None:
    """The outcome of an attempt that was stopped: only a cancelled one has any."""
    return Stopped() if held.stopped is Stop.CANCELLED else None


def result_text(result: Any) -> str | None:
    """A result as JSON text of at most 64 KiB; a larger one is cut and says so. Whatever it is, it never
    costs the task its outcome."""
    if result is None:
        return None
    try:
        text = orjson.dumps(result, default=str).decode()
    except Exception:
        text = orjson.dumps(_described(result)).decode()
    if len(text.encode()) <= MAX_RESULT_BYTES:
        return text
    return orjson.dumps({"truncated": True, "bytes": len(text.encode()), "start": text[:4096]}).decode()


def _described(result: Any) -> str:
    try:
        return repr(result)
    except Exception:
        return f"<a {type(result).__name__} that cannot be shown>"


def lateness(held: Held, now: datetime) -> float:
    """How many seconds after its due time the attempt starts."""
    return max((now - held.claim.hint.due_at).total_seconds(), 0.0)
