"""Who may write an outcome: the holder of the lease, while the task runs, and whose write it was already."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from karya.core.ports import Commit
from karya.core.task import TaskState
from karya.core.times import EPOCH, floor_millis
from karya.core.transitions import Transition, heeding_cancel
from karya.store.client import Document

FENCE_FIELDS: Mapping[str, int] = {
    "lease.id": 1,
    "lease.expires_at": 1,
    "status": 1,
    "cancel_requested": 1,
    "cancel_reason": 1,
}
"""What these functions read of a task, beside what the commit changes."""

_RUNNING = TaskState.RUNNING.value


def fence(ids: Sequence[str], lease_id: str) -> Document:
    """The filter of every outcome write."""
    return {"_id": {"$in": list(ids)} if len(ids) > 1 else ids[0], "lease.id": lease_id, "status": _RUNNING}


def holds(document: Document, commit: Commit) -> bool:
    """Whether the commit's lease is still the task's; of the reaper, whether it has not been renewed."""
    lease = document.get("lease", {})
    fresh = commit.seen_expiry is None or commit.seen_expiry == lease.get("expires_at")
    return bool(document["status"] == _RUNNING and lease.get("id") == commit.lease_id and fresh)


def applied(document: Document | None, commit: Commit) -> bool:
    """Whether an earlier try of this very commit went through although its answer was lost, and with it
    all that followed from it: the lease id stays on the task until the next claim. The reaper writes under
    the same lease id, so the fields must say the same too."""
    if document is None or document.get("lease", {}).get("id") != commit.lease_id:
        return False
    heeded = heeded_by(document, commit, EPOCH)
    if document["status"] != heeded.target.value:
        return False
    return heeded is not commit.transition or all(
        document.get(key) == _stored(value) for key, value in heeded.changes.items()
    )


def heeded_by(document: Document, commit: Commit, now: datetime) -> Transition:
    """The transition of this commit, or the cancel that was asked for meanwhile."""
    requested, reason = document.get("cancel_requested", False), document.get("cancel_reason")
    return heeding_cancel(commit.transition, cancelled=requested, now=now, reason=reason)


def _stored(value: Any) -> Any:
    return floor_millis(value) if isinstance(value, datetime) else value
