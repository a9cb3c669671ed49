"""What limits by key promise (decisions 0060 and 0061): never more than allowed, and nobody who waits for one
is forgotten."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta

from tests.model.acts import Act
from tests.model.ledger import Ledger
from tests.model.sharing import SEAT, Gate, gate_of, period
from tests.model.snapshot import Document, Snapshot

_RECHECK, _CLAIMING = timedelta(seconds=10), timedelta(seconds=1)
_SWEEP = timedelta(seconds=5)
_LONGEST = _RECHECK + _SWEEP
"""How long those that wait may be overlooked: somebody died before telling, and the scheduler handed over
nothing with limits before its next sweep."""


def check(ledger: Ledger, act: Act, before: Snapshot, now: Snapshot) -> None:
    """All limits, where anything has changed."""
    changed = [task for ident, task in now.tasks.items() if task != before.tasks.get(ident)]
    begun = [task for task in changed if _runs(task) and not _runs(before.tasks.get(task["_id"]))]
    for gate in {gate for task in begun for gate in _limits(ledger, task)}:
        _within(ledger, gate, begun, before, now)
    for task in changed:
        if "parked" in task and task["status"] == "READY":
            _parked(ledger, act, before.tasks.get(task["_id"], {}), task)
        elif task["held"] and task["status"] == "READY":
            _awaited(task, now.jobs[task["job_id"]])
    _remember(ledger, before, now)


def _within(ledger: Ledger, gate: Gate, begun: Iterable[Document], before: Snapshot, now: Snapshot) -> None:
    """Each of those that have begun had room by its own limit, whichever of them came first."""
    wanted = Counter(limit for task in begun if (limit := _limits(ledger, task).get(gate)) is not None)
    if gate[0] == SEAT:
        there = [i for i, task in now.tasks.items() if _runs(task) and gate in _limits(ledger, task)]
        taken = sum(_runs(before.tasks.get(ident)) for ident in there)
    else:
        since = ledger.now - period(gate)
        ledger.counted[gate] = [at for at in ledger.counted[gate] if at > since]
        taken = len(ledger.counted[gate])
        ledger.counted[gate] += [ledger.now] * wanted.total()
    for limit in sorted(wanted):
        taken += wanted[limit]
        assert taken <= limit, f"{taken} of {limit} of {gate} have begun"
    ledger.moves[f"began within {gate[0]}"] += wanted.total()


def _parked(ledger: Ledger, act: Act, old: Document, task: Document) -> None:
    gate = gate_of(task["parked"]["for"])
    assert task["held"], f"parked, and may be claimed: {task}"
    assert _limits(ledger, task).get(gate) == task["parked"]["limit"], f"no limit of its own: {task}"
    if "parked" not in old:
        assert act.kind in ("claim", "turn"), f"{act.kind} parked {task}"
        ledger.moves[f"parked {gate[0]} {act.kind}"] += 1


def _awaited(task: Document, job: Document) -> None:
    """Whatever is held is let go by somebody."""
    is_queued = task["cause"] == job.get("queued")
    assert job["status"] != "ACTIVE" or is_queued, f"held for nothing: {task} of {job}"


def _remember(ledger: Ledger, before: Snapshot, now: Snapshot) -> None:
    """Of every limit that somebody waits for: it is known, and since when there has been room and nobody was
    let go."""
    waiting, were = _waiting(now), _waiters(before)
    let_go = {ident for task, ident in were.items() if task not in _waiters(now)}
    running = [task for task in now.tasks.values() if _runs(task)]
    for ident, most in waiting.items():
        gate, stored = gate_of(ident), now.gates.get(ident, {})
        latest = ledger.now + _RECHECK if gate[0] == SEAT else _opens(ledger, gate, most)
        assert stored.get("waiting"), f"nobody knows that somebody waits for {gate}: {stored}"
        assert stored["wake_at"] <= latest, f"looked at too late, after {latest}: {stored}"
        has_room = gate[0] == SEAT and sum(gate in _limits(ledger, task) for task in running) < most
        if not has_room or ident in let_go:
            ledger.roomy.pop(ident, None)
        if has_room:
            ledger.roomy.setdefault(ident, ledger.now)
    for ident in ledger.roomy.keys() - waiting.keys():
        del ledger.roomy[ident]


def _opens(ledger: Ledger, gate: Gate, most: int) -> datetime:
    """When a rate has room for the one who waits with the largest limit; those that were let go are given
    their while. A start counts until the end of its hundredth."""
    per = period(gate)
    starts = [at for at in ledger.counted[gate] if at > ledger.now - per * 1.01]
    opens = starts[-most] + per * 1.01 if len(starts) >= most else ledger.now
    return max(opens, ledger.now + _CLAIMING)


def _waiters(now: Snapshot) -> Mapping[str, str]:
    """Who waits, and for what."""
    return {
        ident: task["parked"]["for"]
        for ident, task in now.tasks.items()
        if "parked" in task and task["status"] == "READY"
    }


def _waiting(now: Snapshot) -> Mapping[str, int]:
    """The limits that are waited for, with the largest number that any of those who wait has."""
    found: dict[str, int] = {}
    for task, ident in _waiters(now).items():
        found[ident] = max(found.get(ident, 0), now.tasks[task]["parked"]["limit"])
    return found


def overlooked(ledger: Ledger) -> Set[str]:
    """The concurrency limits that have had room for so long, though somebody waits for them and nobody else
    may take it, that a scheduler must see it in its second turn from now on."""
    long_ago = {ident for ident, since in ledger.roomy.items() if ledger.now - since > _LONGEST}
    return long_ago - {task["seat"] for task in ledger.seen.tasks.values() if _is_offered(ledger, task)}


def _is_offered(ledger: Ledger, task: Document) -> bool:
    """Whether a worker may claim it now, so that the room is for it."""
    may_be_claimed = task["status"] == "READY" and not task["held"] and task["due_at"] <= ledger.now
    return "seat" in task and may_be_claimed


def _runs(task: Document | None) -> bool:
    return task is not None and task["status"] == "RUNNING"


def _limits(ledger: Ledger, task: Document) -> Mapping[Gate, int]:
    """Those of its job, in the version that it was made by; hooks have none."""
    if task["kind"] == "hook":
        return {}
    return ledger.books[task["job_id"]].versions[task["job_version"]].sharing.limits
