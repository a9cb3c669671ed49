"""Each hook fires exactly once for each outcome that triggers it, and with that outcome (I7)."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from tests.model.ledger import Ledger
from tests.model.snapshot import Document, Snapshot

_FIRES: Mapping[tuple[str, str], frozenset[str]] = {
    ("RUNNING", "SUCCEEDED"): frozenset({"ON_SUCCESS"}),
    ("RUNNING", "READY"): frozenset({"ON_RETRY"}),
    ("RUNNING", "DEAD"): frozenset({"ON_FAILURE", "ON_DEAD_LETTER"}),
    ("ACTIVE", "COMPLETED"): frozenset({"ON_COMPLETION"}),
    ("PAUSED", "COMPLETED"): frozenset({"ON_COMPLETION"}),
    ("ACTIVE", "CANCELLED"): frozenset({"ON_CANCELLED"}),
    ("PAUSED", "CANCELLED"): frozenset({"ON_CANCELLED"}),
}
_ENDS = {"COMPLETED": "end", "CANCELLED": "cancelled"}

Fired = Mapping[str, Counter[str]]
"""Triggers by the source that fired them."""


def check(ledger: Ledger, before: Snapshot, now: Snapshot) -> None:
    """All hooks that are new."""
    fired = _fired(before, now)
    misfires = {source for source in fired if "/misfired/" in source}
    wanted = _wanted(ledger, before, now)
    assert {s: c for s, c in fired.items() if s not in misfires} == wanted, f"fired {fired}, not {wanted}"
    misfired = {
        job_id for job_id in _misfired(before, now) if "ON_MISFIRE" in ledger.books[job_id].terms.triggers
    }
    assert {source.partition("/")[0] for source in misfires} == misfired, f"{misfired} fired {misfires}"


def _fired(before: Snapshot, now: Snapshot) -> Fired:
    fired: dict[str, Counter[str]] = defaultdict(Counter)
    for ident in now.tasks.keys() - before.tasks.keys():
        task = now.tasks[ident]
        if task["kind"] == "hook":
            source, _, _ = task["cause"].removeprefix("hook:").rpartition("/")
            fired[source][task["step"]] += 1
    return fired


def _wanted(ledger: Ledger, before: Snapshot, now: Snapshot) -> Fired:
    wanted: dict[str, Counter[str]] = {}
    for ident, task in now.tasks.items():
        old = before.tasks.get(ident)
        if old is None or task["kind"] == "hook" or _is_release(old, task):
            continue
        triggers = ledger.books[task["job_id"]].versions[old["job_version"]].triggers
        if fires := triggers & _FIRES.get(_way(old, task), frozenset()):
            wanted[f"{ident}/{old['token']}"] = Counter(fires)
    for ident, job in now.jobs.items():
        old_status = before.jobs[ident]["status"] if ident in before.jobs else "ACTIVE"
        if fires := ledger.books[ident].terms.triggers & _FIRES.get((old_status, job["status"]), frozenset()):
            wanted[f"{ident}/{_ENDS[job['status']]}"] = Counter(fires)
    return wanted


def _way(old: Document, task: Document) -> tuple[str, str]:
    """From state to state; what a janitor reaps, and then cancels with its job, was READY in between."""
    if (old["status"], task["status"]) == ("RUNNING", "CANCELLED") and task.get("due_at") != old["due_at"]:
        return "RUNNING", "READY"
    return old["status"], task["status"]


def _is_release(old: Document, task: Document) -> bool:
    return bool(task["attempts"] < old["attempts"])


def _misfired(before: Snapshot, now: Snapshot) -> set[str]:
    """The jobs of which something was skipped as misfired, or a new range was begun."""
    ranges = [now.skips[ident] for ident in now.skips.keys() - before.skips.keys()]
    tasks = [t for ident, t in now.tasks.items() if t != before.tasks.get(ident) and t["status"] == "SKIPPED"]
    return {one["job_id"] for one in (*ranges, *tasks) if one["reason"].startswith("misfired")}
