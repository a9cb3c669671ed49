"""What one transaction writes of outcomes: the transitions, their error logs, and the hooks they fire."""

from dataclasses import dataclass, field
from datetime import datetime

from pymongo import UpdateOne

from karya.core.errorlog import ErrorLog
from karya.core.firing import Teller, fired_by
from karya.core.ports import Commit
from karya.core.task import OPEN_STATES
from karya.core.trace import Trace
from karya.core.transitions import Transition
from karya.store.client import Document
from karya.store.documents import error_document, task_document, task_hooks, trace_of
from karya.store.fence import FENCE_FIELDS, applied, fence, heeded_by, holds
from karya.store.following import Ended
from karya.store.names import BY_ID
from karya.store.updates import update_of

STORY_FIELDS = {
    **FENCE_FIELDS,
    "job_id": 1,
    "job_version": 1,
    "user_id": 1,
    "kind": 1,
    "step": 1,
    "cause": 1,
    "instant": 1,
    "token": 1,
    "attempts": 1,
    "hooks": 1,
    "next": 1,
    "trace": 1,
}
"""What `Outcomes.add` needs of a task, beside what the commit changes."""


@dataclass(slots=True)
class Outcomes:
    """The writes of one transaction; `ended` are the steps that steps behind them may wait for, `lost` the
    tasks of which nothing is written."""

    now: datetime
    updates: list[UpdateOne] = field(default_factory=list)
    logs: list[Document] = field(default_factory=list)
    hooks: list[Document] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def add(self, commit: Commit, document: Document | None) -> None:
        """Takes in one commit, given its task as the transaction sees it."""
        if document is None or not holds(document, commit):
            if not applied(document, commit):
                self.lost.append(commit.task_id)
            return
        transition = heeded_by(document, commit, self.now)
        guard = fence([commit.task_id], commit.lease_id)
        self.updates.append(UpdateOne(guard, update_of(transition), hint=BY_ID))
        self._log(commit, document)
        self._fire(commit, document, transition)
        if transition.target not in OPEN_STATES:
            self.ended.append(Ended.of(document, transition.target))

    def _log(self, commit: Commit, document: Document) -> None:
        error = commit.transition.changes.get("error")
        if error is None:
            return
        log = ErrorLog.of(
            job_id=document["job_id"],
            task_id=commit.task_id,
            attempt=document["attempts"],
            token=document["token"],
            kind=document["kind"],
            error=error,
            at=commit.transition.failed_at or self.now,
        )
        self.logs.append(error_document(log))

    def _fire(self, commit: Commit, document: Document, transition: Transition) -> None:
        if document.get("hooks"):
            teller = _teller(document, commit.trace or trace_of(document))
            self.hooks += map(task_document, fired_by(teller, transition, self.now))


def _teller(document: Document, trace: Trace | None) -> Teller:
    return Teller(
        task_id=document["_id"],
        job_id=document["job_id"],
        job_version=document["job_version"],
        user_id=document.get("user_id"),
        step=document["step"],
        cause=document["cause"],
        instant=document["instant"],
        attempt=document["attempts"],
        token=document["token"],
        hooks=task_hooks(document),
        trace=trace,
    )
