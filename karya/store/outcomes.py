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
        """Takes in one commit, given its task as the transaction sees it. Raises what is UNREADABLE, and then
        nothing of the commit is taken in."""
        if document is None or not holds(document, commit):
            if not applied(document, commit):
                self.lost.append(commit.task_id)
            return
        transition = heeded_by(document, commit, self.now)
        guard = fence([commit.task_id], commit.lease_id)
        update = UpdateOne(guard, update_of(transition), hint=BY_ID)
        logs, hooks = self._logged(commit, document), self._fired(commit, document, transition)
        ended = [] if transition.target in OPEN_STATES else [Ended.of(document, transition.target)]
        self.updates.append(update)
        self.logs += logs
        self.hooks += hooks
        self.ended += ended

    def _logged(self, commit: Commit, document: Document) -> list[Document]:
        error = commit.transition.changes.get("error")
        if error is None:
            return []
        log = ErrorLog.of(
            job_id=document["job_id"],
            task_id=commit.task_id,
            attempt=document["attempts"],
            token=document["token"],
            kind=document["kind"],
            error=error,
            at=commit.transition.failed_at or self.now,
        )
        return [error_document(log)]

    def _fired(self, commit: Commit, document: Document, transition: Transition) -> list[Document]:
        if not document.get("hooks"):
            return []
        teller = _teller(document, commit.trace or trace_of(document))
        return [task_document(task) for task in fired_by(teller, transition, self.now)]


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
