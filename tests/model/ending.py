"""The end of an example: nothing fails any more, time passes until nothing is open, and then all is told."""

from collections import Counter
from datetime import timedelta

from tests.model.acts import Said
from tests.model.simulation import Simulation
from tests.model.snapshot import LIVE, OPEN
from tests.model.steps.base import Arrive, Pass
from tests.model.steps.clients import Resume
from tests.model.steps.servers import Restart, Sweep, Turn, Usurp
from tests.model.steps.workers import Work

_ROUNDS = 60
_LONGEST, _OVERDUE = timedelta(seconds=15), timedelta(seconds=1)
_AT_ONCE, _SWEEPS = timedelta(seconds=1), 3
"""What falls due so soon after the next is dealt with in the same round, and every third round the janitor
sweeps: nothing of this is what an example is for."""


def settle_down(sim: Simulation) -> None:
    """Everything that was accepted comes to an end, within so many rounds."""
    for step in (Arrive(), Usurp(0), Usurp(1), Restart(0, known=True)):
        sim.do(step)
    for number in range(_ROUNDS + _limited(sim)):
        while any(job["status"] == "PAUSED" for job in sim.ledger.seen.jobs.values()):
            sim.do(Resume(0))
        if not _is_open(sim):
            return
        sim.do(Pass((_until_next(sim) + _AT_ONCE).total_seconds()))
        sim.do(Turn(0))
        sim.do(Work(number % 3, Said.SUCCESS))
        if number % _SWEEPS == 0:
            sim.do(Sweep())
    seen = sim.ledger.seen
    tasks = [task for task in seen.tasks.values() if task["status"] in OPEN]
    jobs = [job for job in seen.jobs.values() if job["status"] in LIVE or "slot" in job]
    raise AssertionError(f"at {sim.ledger.now} still open: {jobs} {tasks}")


def _limited(sim: Simulation) -> int:
    """How many tasks may have to wait for one another."""
    return sum("parked" in task and task["status"] in OPEN for task in sim.ledger.seen.tasks.values())


def _is_open(sim: Simulation) -> bool:
    """Also a cancel or a slot that a crash left behind."""
    seen = sim.ledger.seen
    jobs = any(j["status"] in LIVE or "slot" in j or "cancelling_at" in j for j in seen.jobs.values())
    return jobs or any(task["status"] in OPEN for task in seen.tasks.values())


def _until_next(sim: Simulation) -> timedelta:
    """How long nothing happens by itself; what is overdue is offered again in a moment."""
    now = sim.ledger.now
    instants = [
        task["due_at"] if task["status"] == "READY" else task["lease"]["expires_at"]
        for task in sim.ledger.seen.tasks.values()
        if task["status"] in ("READY", "RUNNING") and not task["held"]
    ]
    waits = [at - now if at > now else _OVERDUE for at in instants]
    return min(waits, default=_LONGEST)


def check(sim: Simulation) -> None:
    """What must be true once nothing is open."""
    ledger, seen = sim.ledger, sim.ledger.seen
    for job_id, job in seen.jobs.items():
        book = ledger.books[job_id]
        if job["status"] == "CANCELLED":
            for one in ledger.family(job_id) & seen.jobs.keys():
                assert seen.jobs[one]["status"] not in LIVE, f"{job_id} is cancelled, its {one} is not"
        elif not book.cancelled:
            left = book.left(job["cursor"]["at"], job["cursor"]["count"])
            assert left is None, f"completed before {left}: {job}"
        assert "slot" not in job, f"nobody runs in the slot of {job}"
    logs = Counter(log["task_id"] for log in sim.world.errors())
    for task_id, task in seen.tasks.items():
        assert logs[task_id] == ledger.errors[task_id], f"{logs[task_id]} error logs of {task}"
        assert task["attempts"] <= ledger.most_attempts(task)
