"""What may become of tasks: every move has a cause (I2, I4)."""

from collections.abc import Mapping

from tests.model.acts import Act
from tests.model.ledger import Ledger
from tests.model.rules.attempts import claimed, ended
from tests.model.rules.instants import Made
from tests.model.rules.skips import must_be_late
from tests.model.rules.updates import REPLACED
from tests.model.snapshot import OPEN, TOKENS, Document, Snapshot, is_untouched, lease
from tests.model.terms import opens

WAYS: Mapping[tuple[str, str], frozenset[str]] = {
    ("READY", "RUNNING"): frozenset({"claim"}),
    ("RUNNING", "SUCCEEDED"): frozenset({"report"}),
    ("RUNNING", "READY"): frozenset({"report", "sweep"}),
    ("RUNNING", "DEAD"): frozenset({"report", "sweep"}),
    ("RUNNING", "CANCELLED"): frozenset({"report", "sweep"}),
    ("READY", "CANCELLED"): frozenset({"cancel", "sweep", "child", "turn"}),
    ("BLOCKED", "CANCELLED"): frozenset({"cancel", "sweep", "child", "turn"}),
    ("READY", "SKIPPED"): frozenset({"turn", "skip", "resume", "update"}),
    ("BLOCKED", "SKIPPED"): frozenset({"turn", "skip", "resume", "update", "report", "sweep"}),
    ("BLOCKED", "READY"): frozenset({"report", "sweep"}),
    ("DEAD", "READY"): frozenset({"redrive"}),
    ("DEAD", "CANCELLED"): frozenset({"discard"}),
    ("SKIPPED", "BLOCKED"): frozenset({"redrive"}),
}
"""Who may bring about each change of state."""


def check(ledger: Ledger, act: Act, before: Snapshot, now: Snapshot, made: Made) -> None:
    """All tasks."""
    for task_id, task in now.tasks.items():
        old = before.tasks.get(task_id)
        if old is None:
            _new(ledger, act, task, made)
        elif old != task:
            _changed(ledger, act, old, task, now, made)
    for task_id in before.tasks.keys() - now.tasks.keys():
        _gone(ledger, act, before.tasks[task_id], now)


def _new(ledger: Ledger, act: Act, task: Document, made: Made) -> None:
    assert task["_id"] not in ledger.gone, f"made a second time: {task}"
    if task["kind"] == "hook":
        assert task["status"] == "READY"
        return
    if task["cause"].startswith("trigger:") and act.kind != "update":
        assert (act.kind, act.job_id) == ("trigger", task["job_id"]), f"nobody triggered {task}"
        assert task["cause"] == f"trigger:{act.request}", f"another request's: {task}"
    else:
        assert (task["job_id"], task["cause"]) in made, f"{act.kind} may not make {task}"
        jitter = ledger.books[task["job_id"]].terms.timing.jitter
        assert task["instant"] <= task["due_at"] <= max(task["instant"] + jitter, ledger.now)
    assert task["attempts"] == 0 and task["token"] == (task["job_version"] - 1) * TOKENS
    allowed = {"turn": OPEN | {"SKIPPED", "CANCELLED"}, "child": OPEN | {"CANCELLED"}}.get(act.kind, OPEN)
    assert task["status"] in allowed - {"RUNNING"}, f"born as {task}"


def _changed(ledger: Ledger, act: Act, old: Document, task: Document, now: Snapshot, made: Made) -> None:
    assert task["token"] >= old["token"], f"its token fell from {old['token']}: {task}"
    assert task["due_at"] >= task["instant"], f"due before its instant: {task}"
    if act.kind == "update" and (task["job_id"], task["cause"]) in made:
        assert is_untouched(old), f"made again though it had begun: {old}"
        return
    way = old["status"], task["status"]
    if way[0] == way[1]:
        _stayed(act, old, task)
        return
    assert act.kind in WAYS.get(way, ()), f"{act.kind} may not bring {way} about: {old} became {task}"
    ledger.moves[f"{way[0]}-{way[1]} {act.kind}"] += 1
    match way:
        case "READY", "RUNNING":
            claimed(ledger, act, old, task)
        case "RUNNING", _:
            ended(ledger, act, old, task, now)
        case "READY" | "BLOCKED", "CANCELLED":
            _cancelled(ledger, act, task, now)
        case "READY" | "BLOCKED", "SKIPPED":
            _skipped(ledger, act, old, task, now)
        case "BLOCKED", "READY":
            states = _before(ledger, task, now)
            assert OPEN.isdisjoint(states.values()) and opens(_when(ledger, task), states), (
                f"{task}: {states}"
            )
        case "DEAD", "READY":
            assert act.task_id == task["_id"] and task["attempts"] == 0
            ledger.retry_at.pop(task["_id"], None)
            ledger.books[task["job_id"]].redriven = True
        case "DEAD", "CANCELLED":
            assert act.task_id == task["_id"]
            ledger.discarded.add(task["_id"])
        case "SKIPPED", "BLOCKED":
            redriven = now.tasks[act.task_id]
            assert redriven["cause"] == task["cause"] and redriven["job_id"] == task["job_id"]


def _stayed(act: Act, old: Document, task: Document) -> None:
    assert task["attempts"] == old["attempts"], f"counted without a claim: {task}"
    assert task["token"] == old["token"] or act.kind == "claim", f"{act.kind} raised the token of {task}"
    if task["status"] == "RUNNING":
        assert lease(task) == lease(old) and task["token"] == old["token"], f"taken from its holder: {task}"
    if task["status"] not in OPEN:
        assert task["finished_at"] == old["finished_at"], f"ended twice: {task}"


def _cancelled(ledger: Ledger, act: Act, task: Document, now: Snapshot) -> None:
    if act.kind == "turn":
        assert ledger.books[task["job_id"]].terms.overlap == "cancel_running", f"nothing replaces {task}"
    else:
        assert now.jobs[task["job_id"]]["status"] == "CANCELLED", f"cancelled alone: {task}"
        assert task["kind"] == "step", f"hooks are not cancelled: {task}"


def _skipped(ledger: Ledger, act: Act, old: Document, task: Document, now: Snapshot) -> None:
    if act.kind in ("report", "sweep"):
        states = _before(ledger, task, now)
        ended = {name: state for name, state in states.items() if state not in OPEN}
        assert len(ended) == len(states) or _when(ledger, task) == "success"
        assert ended and not opens(_when(ledger, task), ended), f"skipped behind {states}: {task}"
        return
    assert is_untouched(old), f"skipped though it had begun: {old}"
    assert (act.kind == "update") == (task["reason"] == REPLACED), f"{act.kind} skipped {task}"
    if act.kind == "turn" and not task["reason"].startswith("overlap"):
        terms = ledger.books[task["job_id"]].terms
        must_be_late(ledger, terms, task["reason"], task["instant"], task["instant"])


def _before(ledger: Ledger, task: Document, now: Snapshot) -> Mapping[str, str]:
    """What became of the steps before this one; a dead letter that was discarded has failed all the same."""
    terms = ledger.books[task["job_id"]].versions[task["job_version"]]
    (names,) = [after for name, after, _ in terms.shape if name == task["step"]]
    steps = {one["step"]: one for one in now.by_cause(task["job_id"])[task["cause"]]}
    return {
        name: "DEAD" if steps[name]["_id"] in ledger.discarded else steps[name]["status"] for name in names
    }


def _when(ledger: Ledger, task: Document) -> str:
    shape = ledger.books[task["job_id"]].versions[task["job_version"]].shape
    return next(when for name, _, when in shape if name == task["step"])


def _gone(ledger: Ledger, act: Act, task: Document, now: Snapshot) -> None:
    if act.kind == "update":
        assert is_untouched(task), f"withdrawn though it had begun: {task}"
        return
    assert act.kind == "sweep" and task["status"] not in OPEN, f"{act.kind} removed {task}"
    kept = ledger.books[task["job_id"]].kept
    assert task["finished_at"] + kept <= ledger.now, f"removed too early: {task}"
    ledger.gone[task["_id"]] = task
