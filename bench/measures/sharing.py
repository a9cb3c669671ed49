"""Whether one user's crowd keeps another user waiting."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bench.figures import Figure, at_most
from bench.filling import Model, fill
from bench.noted import NotedAction
from bench.rig import Rig, soon
from karya.core.action import Action, NoopAction
from karya.core.times import floor_millis

_CROWD = 100_000


def sharing(rig: Rig) -> Sequence[Figure]:
    """100,000 tasks of one user are due; while they are worked off, ten tasks of another come, one by one.
    Once with tasks that do nothing, once with such as hold their slots for a second."""
    held = NotedAction(seconds=1)
    return [_slowest(rig, NoopAction(type="noop"), ""), _slowest(rig, held, ", a second each")]


def _slowest(rig: Rig, action: Action, each: str) -> Figure:
    rig.empty()
    fill(rig.database, Model.of(action, user_id="crowd"), [soon(-1)] * _CROWD)
    lone = Model.of(NoopAction(type="noop"), user_id="lone")
    waits: list[float] = []
    for _ in range(10):
        at = floor_millis(datetime.now(UTC))
        fill(rig.database, lone, [at])
        run = rig.between(at, at)
        run.await_end(60)
        waits += run.start_lags()
    if rig.database.jobs.count_documents({"status": "ACTIVE"}) == 0:
        raise RuntimeError("the crowd was gone before the last of the others had started")
    rig.empty()
    name = f"start of another user's task while {_CROWD:,} of one user are due{each}, slowest of ten"
    return at_most(name, max(waits), "ms", 1_000)
