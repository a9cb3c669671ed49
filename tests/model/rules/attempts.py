"""What may become of attempts: taken by one holder, and ended by it or behind it (I3, I4, I6)."""

from datetime import datetime, timedelta

from tests.model.acts import Act, Said
from tests.model.ledger import Ledger
from tests.model.snapshot import Document, Snapshot, lease

LEASE = timedelta(seconds=20)
AHEAD = timedelta(milliseconds=100)


def claimed(ledger: Ledger, act: Act, old: Document, task: Document) -> None:
    """A task: by whoever was told of it, when it was due, and under a lease of its own."""
    assert not old["held"], f"claimed though it was held: {old}"
    assert old["due_at"] <= ledger.now + AHEAD, f"claimed early: {old}"
    assert task["token"] - 1 in act.tokens.get(task["_id"], ()), f"no hint told of it: {task}"
    assert task["attempts"] == old["attempts"] + 1
    assert lease(task) != lease(old) and task["lease"]["owner"] == act.owner
    assert task["lease"]["expires_at"] <= ledger.now + LEASE, f"held for too long: {task}"


def ended(ledger: Ledger, act: Act, old: Document, task: Document, now: Snapshot) -> None:
    """An attempt: by its holder, or by the reaper when the lease was over."""
    held = task["_id"], lease(old) or ""
    word = act.reports.get(held)
    if act.kind == "report":
        assert word is not None, f"not the holder's: {old} became {task} by {act}"
        ledger.ended[held] = word.said
    else:
        assert old["lease"]["expires_at"] <= ledger.now, f"reaped before its lease was over: {old}"
    said, at = (word.said, word.at) if word else (Said.FAILURE, ledger.now)
    _followed(ledger, act, said, old, task, now)
    if task["status"] == "READY" and said is not Said.RELEASED:
        _retried(ledger, at, old, task)
    if said in (Said.FAILURE, Said.PERMANENT):
        ledger.errors[task["_id"]] += 1


def _followed(ledger: Ledger, act: Act, said: Said, old: Document, task: Document, now: Snapshot) -> None:
    """What became of the task is what its policy and the flags make of what was said."""
    flagged = old.get("cancel_requested", False)
    spent = old["attempts"] >= ledger.most_attempts(old)
    match task["status"]:
        case "SUCCEEDED":
            assert said is Said.SUCCESS, f"{said} became {task}"
        case "READY" if said is Said.RELEASED:
            assert task["attempts"] == old["attempts"] - 1 and not flagged, f"released as {task}"
        case "READY":
            assert said is Said.FAILURE and not spent and not flagged, f"{said} became {task}"
        case "DEAD":
            assert said is Said.PERMANENT or (said is Said.FAILURE and spent), f"{said} became {task}"
            assert not flagged, f"flagged, but {task}"
        case "CANCELLED":
            swept = act.kind == "sweep" and now.jobs[task["job_id"]]["status"] == "CANCELLED"
            assert said is Said.STOPPED or (flagged and said is not Said.SUCCESS) or swept, f"{said}: {task}"


def _retried(ledger: Ledger, failed_at: datetime, old: Document, task: Document) -> None:
    """Not before the backoff, which counts from the failure."""
    earliest = failed_at + ledger.backoff(old, old["attempts"])
    assert task["attempts"] == old["attempts"] and task["due_at"] >= earliest, f"too soon: {task}"
    ledger.retry_at[task["_id"]] = earliest
