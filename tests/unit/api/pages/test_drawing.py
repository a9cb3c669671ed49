"""What pages compute before they show it: quantiles, occurrences, graphs, words."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from karya.api.pages import marks, text
from karya.api.pages import pulse as pulse_module
from karya.api.pages.graph import drawn
from karya.api.pages.overview import bars, shown
from karya.api.pages.pulse import Pulse, quantile
from karya.api.pages.timeline import WIDTH, runs
from karya.core.action import NoopAction
from karya.core.job import new_job
from karya.core.occurrence import Occurrence, occurrence_tasks, scheduled, triggered
from karya.core.spec import JobSpec
from karya.core.task import TaskKind, TaskState
from karya.core.views import JobView, OverviewView, TaskView
from karya.core.views.overview import AtLeast, Counters, LagBucket
from tests.support.memory_services import MemoryOverview
from tests.support.story import NOW, at, every, step

NOOP = {"type": "noop"}


def buckets(**counts: int) -> list[LagBucket]:
    bounds = {"ms1": 0.001, "ms10": 0.01, "rest": None}
    return [LagBucket(seconds=bounds[name], count=count) for name, count in counts.items()]


@pytest.mark.parametrize(
    ("counts", "part", "expected"),
    [
        ({"ms1": 0, "ms10": 0, "rest": 0}, 0.5, None),
        ({"ms1": 10, "ms10": 10, "rest": 10}, 0.5, 0.5),
        ({"ms1": 0, "ms10": 10, "rest": 10}, 0.5, 5.5),
        ({"ms1": 0, "ms10": 0, "rest": 4}, 0.99, 10.0),
    ],
)
def test_quantiles(counts: dict[str, int], part: float, expected: float | None) -> None:
    assert quantile(buckets(**counts), part) == expected


class Beating:
    """A pulse whose looks and times are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._view = MemoryOverview().view
        self._now = 100.0
        self.pulse = Pulse(self._look)
        monkeypatch.setattr(pulse_module, "time", SimpleNamespace(monotonic=lambda: self._now))

    async def _look(self) -> OverviewView:
        return self._view

    async def beat(self, succeeded: int, failed: int = 0, after: float = 1.0) -> None:
        self._now += after
        counters = Counters(succeeded=succeeded, failed=failed, lag=tuple(buckets(ms1=succeeded)))
        self._view = self._view.model_copy(update={"counters": counters})
        await self.pulse.beat()

    @property
    def rates(self) -> list[float | None]:
        return [point[1] for point in self.pulse.points]


@pytest.fixture
def beating(monkeypatch: pytest.MonkeyPatch) -> Beating:
    return Beating(monkeypatch)


async def test_a_pulse_takes_differences(beating: Beating) -> None:
    assert beating.pulse.fresh(9) is None
    await beating.beat(5, 1)
    await beating.beat(25, 2, after=2.0)
    (point,) = beating.pulse.points
    assert point[1:4] == (10.0, 0.5, 0.5)
    assert beating.pulse.fresh(9) is not None


async def test_two_looks_close_together_make_no_peak(beating: Beating) -> None:
    await beating.beat(0)
    await beating.beat(10)
    await beating.beat(11, after=0.015)
    await beating.beat(20, after=0.985)
    assert beating.rates == [10.0, 10.0]


async def test_where_nobody_looked_there_is_a_gap(beating: Beating) -> None:
    await beating.beat(0)
    await beating.beat(900, after=90)
    await beating.beat(910)
    assert beating.rates == [None, 10.0]


async def test_a_worker_that_did_not_answer_is_no_peak_when_it_is_back(beating: Beating) -> None:
    for counted in (5_000, 5_010, 300, 5_030, 5_040):
        await beating.beat(counted)
    assert beating.rates == [10.0, None, 10.0, 10.0]


async def test_a_worker_that_began_anew_leaves_a_gap(beating: Beating) -> None:
    await beating.beat(5_000)
    for number in range(13):
        await beating.beat(number * 10)
    assert beating.rates == [*[None] * 11, 10.0, 10.0]


def tasks_of(spec: dict[str, Any], *occurrences: Occurrence) -> list[TaskView]:
    job = new_job(JobSpec[NoopAction].model_validate({"schedule": every(60), **spec}), NOW)
    made = [t for o in occurrences or (scheduled(job, job.cursor),) for t in occurrence_tasks(job, o, NOW)]
    return [TaskView.of(task) for task in made]


def ran(task: TaskView, late: float, took: float, status: TaskState = TaskState.SUCCEEDED) -> TaskView:
    start = task.instant + timedelta(seconds=late)
    return task.model_copy(
        update={
            "status": status,
            "started_at": start,
            "first_started_at": start,
            "finished_at": start + timedelta(seconds=took),
            "lateness_ms": round(late * 1000),
            "attempts": 1,
        }
    )


def test_occurrences_are_told_apart_and_drawn_to_one_scale() -> None:
    (planned,) = tasks_of({"action": {"type": "noop"}})
    (asked,) = tasks_of({"action": {"type": "noop"}}, triggered("x", planned.instant))
    one, other = runs([ran(planned, 1, 3), ran(asked, 0, 1, TaskState.DEAD)], at(999))
    assert (one.how, one.status, one.lateness, one.duration) == (
        "by schedule",
        TaskState.SUCCEEDED,
        timedelta(seconds=1),
        timedelta(seconds=3),
    )
    assert (other.how, other.status) == ("by request", TaskState.DEAD)
    assert one.bar and other.bar
    assert (one.bar.late, one.bar.ran) == (WIDTH / 4, WIDTH * 3 / 4)
    assert (other.bar.late, other.bar.ran) == (0, WIDTH / 4)
    (waits,) = runs([planned], at(999))
    assert (waits.bar, waits.duration, waits.status) == (None, None, TaskState.READY)


def test_an_occurrence_counts_from_its_first_start() -> None:
    (task,) = tasks_of({"action": NOOP})
    again = ran(task, 5, 1.2).model_copy(
        update={"first_started_at": task.instant, "lateness_ms": 1, "limit_wait_ms": 700, "attempts": 3}
    )
    (run,) = runs([again], at(999))
    assert (run.duration, run.last) == (timedelta(seconds=6.2), timedelta(seconds=1.2))
    assert (run.lateness, run.limit_wait) == (timedelta(milliseconds=1), timedelta(milliseconds=700))
    (run,) = runs([ran(task, 5, 1.2)], at(999))
    assert (run.last, run.limit_wait) == (None, None), "there was but one attempt, and no limit"


def test_one_dead_step_makes_a_dead_occurrence() -> None:
    spec = {"steps": [{"name": "a", "action": {"type": "noop"}}, {"name": "b", "action": {"type": "noop"}}]}
    one, other = tasks_of(spec)
    (run,) = runs([ran(one, 0, 1), ran(other, 0, 2, TaskState.DEAD)], at(999))
    assert (run.status, run.duration, run.attempts) == (TaskState.DEAD, timedelta(seconds=2), 2)


def test_a_hook_stands_with_the_occurrence_that_fired_it() -> None:
    (early,), (late,) = tasks_of({"action": NOOP}, triggered("x", at(0))), tasks_of({"action": NOOP})
    fired = {"kind": TaskKind.HOOK, "step": "ON_SUCCESS", "instant": at(90)}
    hook = early.model_copy(update={**fired, "id": "h", "cause": f"hook:{early.id}/1/0"})
    whole = early.model_copy(update={**fired, "id": "j", "cause": f"hook:{early.job_id}/completed/0"})
    first, second, third = runs([whole, hook, ran(late, 0, 1), ran(early, 0, 1)], at(999))
    assert (first.steps, first.hooks, first.how) == ((), (whole,), "a hook")
    assert (second.hooks, second.how) == ((), "by schedule")
    assert (third.hooks, third.how, third.attempts) == ((hook,), "by request", 1)
    assert len({run.ident for run in (first, second, third)}) == 3


def test_the_steps_of_an_occurrence_stand_as_the_job_has_them() -> None:
    names = [f"s{number}" for number in range(9)]
    job = new_job(JobSpec[NoopAction](steps=[step(name) for name in names]), NOW)
    tasks = [TaskView.of(t) for t in occurrence_tasks(job, triggered("x", NOW), NOW)]
    tasks.sort(key=lambda task: task.id)
    (run,) = runs(tasks, at(999), JobView.of(job, NOW).steps)
    assert [task.step for task in run.steps] == names


def test_steps_stand_behind_what_they_wait_for() -> None:
    steps = [step("z", "x", "y"), step("x"), step("y", "x")]
    job = JobView.of(new_job(JobSpec[NoopAction](steps=steps), NOW), NOW)
    graph = drawn(job.steps, [])
    x = {node.name: node.x for node in graph.nodes}
    assert x["x"] < x["y"] < x["z"]
    assert len(graph.edges) == 3
    assert all(node.x >= 0 and node.x + graph.node_width <= graph.width for node in graph.nodes)
    places = {(node.x, node.y) for node in graph.nodes}
    assert len(places) == 3


def test_what_waits_for_a_limit_is_shown_with_its_age() -> None:
    view = MemoryOverview().view.model_copy(update={"at": NOW, "limited_since": at(-90)})
    assert shown(view)["texts"]["limited"] == "5"
    assert shown(view)["texts"]["limited_text"] == "wait for a limit, for 1 min 30 s"
    nobody = view.model_copy(update={"limited": AtLeast(count=0), "limited_since": None})
    assert shown(nobody)["texts"]["limited_text"] == "wait for a limit"
    assert shown(None)["texts"].keys() == shown(view)["texts"].keys()


def test_bars_of_the_next_hour() -> None:
    found = bars([AtLeast(count=0), AtLeast(count=1), AtLeast(count=1000, more=True)], NOW)
    assert [bar["height"] for bar in found] == [0, 2, 64]
    assert found[2]["count"] == "1,000+"
    assert bars([], NOW) == []


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 ms"),
        (0.25, "250 ms"),
        (1.5, "1.5 s"),
        (59.999, "60 s"),
        (200, "3 min 20 s"),
        (-90, "−1 min 30 s"),
    ],
)
def test_lengths_of_time(seconds: float, expected: str) -> None:
    assert text.span(timedelta(seconds=seconds)) == expected


def test_when_it_is() -> None:
    assert text.ago(at(90), NOW) == "in 1 min 30 s"
    assert text.ago(at(-3), NOW) == "3 s ago"
    assert text.ago(at(0.4), NOW) == "now"
    assert text.instant(NOW) == "2026-11-23 08:00:00"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "Mon 2026-11-23 08:00"),
        ("Europe/Berlin", "Mon 2026-11-23 09:00"),
        ("Pacific/Kiritimati", "Mon 2026-11-23 22:00"),
        ("Pacific/Pago_Pago", "Sun 2026-11-22 21:00"),
    ],
)
def test_an_instant_of_a_schedule_is_shown_in_its_zone(zone: str, shown: str) -> None:
    assert text.wall(NOW, zone) == shown
    assert text.wall(at(3.5), zone) == f"{shown}:03.500"


def test_instants_in_sentences() -> None:
    assert text.spaced("due at 2026-11-23T08:00:00.5Z.") == "due at 2026-11-23 08:00:00.5."
    assert text.spaced("due at 2026-11-23T08:00:00.000Z.") == "due at 2026-11-23 08:00:00."
    assert text.spaced("the key '2026-11-23'") == "the key '2026-11-23'"


def test_long_values_are_cut() -> None:
    shown = text.json({"a": "x" * 20_000})
    assert len(shown) < 9_000 and "characters in all" in shown


def test_an_instant_stands_beside_its_distance() -> None:
    written = "2026-11-23T08:00:00.000Z"
    time = f'<time datetime="{written}">2026-11-23 08:00:00</time>'
    distance = f'<span data-away="{written}">1 min ago</span>'
    assert marks.when(NOW) == time
    assert marks.when(NOW, at(60)) == f'{time} <span class="muted">{distance}</span>'
    assert marks.moment(NOW, at(60)) == (
        f'<time datetime="{written}" title="2026-11-23 08:00:00" data-away="{written}">1 min ago</time>'
    )
    assert marks.when(None) == marks.moment(None, NOW) == '<span class="muted">–</span>'
