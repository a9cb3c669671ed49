"""Holds what an update has left of a job's instants against what it had to leave (I1, I2, I5)."""

from datetime import datetime

from tests.model.rules.instants import Made, cause_of, made
from tests.model.rules.updates import REPLACED, Change
from tests.model.snapshot import Document, Snapshot
from tests.model.timings import At


def check(
    change: Change, ranges: set[datetime], lost: set[datetime], before: Snapshot, now: Snapshot
) -> Made:
    """A new version: each instant has the fate that the two schedules give it, and no other. `ranges` are
    the instants that ranges have come to hold, `lost` those that they had to."""
    book, job = change.book, change.job
    were, are = before.by_cause(job["_id"]), now.by_cause(job["_id"])
    assert ranges == lost, f"ranges of {ranges} instead of {lost}: {job}"
    kept, passed = change.kept(), change.passed()
    for at in change.waiting.keys() - passed:
        book.accounted.pop(at)
        assert cause_of(at) not in are or at in kept or _is_new(are[cause_of(at)], job), f"{at} stayed: {job}"
    for at in passed:
        tasks = are[cause_of(at)]
        assert all(map(_is_replaced, tasks)), f"neither kept nor skipped: {tasks}"
    wanted = {made(book, job, at, now) for at in kept}
    if change.is_replaced:
        wanted |= _went_on(change, now)
    else:
        assert job["cursor"] == change.old["cursor"], f"moved though nothing changed: {job}"
    again = {cause for cause, tasks in are.items() if _is_new(tasks, job)}
    planned = {cause for _, cause in wanted}
    assert {c for c in again if c.startswith("at:")} == planned, f"{again} instead of {planned}: {job}"
    assert {c for c in were if c.startswith("trigger:")} == {c for c in are if c.startswith("trigger:")}
    return {(job["_id"], cause) for cause in again}


def _went_on(change: Change, now: Snapshot) -> Made:
    """Where the cursor stands under another schedule, how many it counts, and what it has made there."""
    book, job, cursor = change.book, change.job, change.job["cursor"]
    if not change.goes_on():
        book.since = change.at
    at, most = change.following(), change.terms.timing.max_runs
    seen, is_last = change.met_before(at), isinstance(change.terms.timing, At)
    book.over = at is None or (most is not None and seen >= most and not is_last)
    if at is None or book.over:
        seen = change.met_before(cursor["at"])
        assert cursor["exhausted"] and cursor["count"] == seen, f"ends with {seen}, not as {job}"
        assert cursor["at"] <= change.at, f"ends with what is to come: {job}"
        return set()
    occurrences = {made(book, job, at, now)} if at not in book.accounted else set()
    seen = change.met_before(at)
    assert (cursor["at"], cursor["count"]) == (at, seen), f"goes on at {at} with {seen}, not as {job}"
    is_last = is_last or change.terms.following(book.created, at, seen) is None
    assert cursor["exhausted"] == is_last, f"should be its last: {is_last}: {job}"
    return occurrences


def _is_new(tasks: list[Document], job: Document) -> bool:
    return bool(tasks[0]["job_version"] == job["version"])


def _is_replaced(task: Document) -> bool:
    return task["status"] == "SKIPPED" and task["reason"] == REPLACED
