"""Traces: what those who observe Karya are told of submissions and attempts. Nothing here waits for them."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from karya.core.action import ActionText
from karya.core.hint import Hint
from karya.core.outcome import Outcome
from karya.core.trace import Trace
from karya.core.transitions import Transition


class AttemptTrace(Protocol):
    """One attempt, from its start to its end."""

    @property
    def own(self) -> Trace:
        """What hooks that it fires belong to."""

    @property
    def handed_on(self) -> Trace:
        """What its action tells the target, and what a job that it submits belongs to."""

    def end(self, outcome: Outcome | None, transition: Transition | None, now: datetime) -> None:
        """It came to this at `now`; no transition when the lease was lost, so that nothing was stored."""


class Traces(Protocol):
    """The spans of one process."""

    def submission(self, ident: str, jobs: int | None = None) -> AbstractContextManager[Trace]:
        """The submission of this job, or of a batch of so many under this id, which lasts as long as the
        context. It belongs to `trace.caller` where that is known; its jobs are to keep what it gives."""

    def trigger(self, job_id: str) -> AbstractContextManager[Trace | None]:
        """A request for an occurrence of this job, which lasts as long as the context and belongs to
        `trace.caller`; the occurrence is to keep what it gives. None where no caller is known: it belongs to
        the trace of the job then."""

    def attempt(
        self, hint: Hint, action: ActionText, now: datetime, *, performed: bool = True
    ) -> AttemptTrace:
        """An attempt starts now. One that is not `performed` has failed before it could ask anybody."""

    async def close(self) -> None:
        """Sends what is left, for a moment at most; what does not arrive is lost. Never raises."""
