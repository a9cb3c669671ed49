"""The tables and the small parts of the audit."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from karya.core.audit.findings import INVARIANTS, Code
from karya.core.audit.records import Moment, Stretch, TaskRecord
from karya.core.audit.sources import Source, source_of
from karya.core.audit.tally import Fate, Tally, fate_of
from karya.core.retry import DEFAULT_RETRY
from karya.core.task import TaskKind, TaskState
from karya.core.views import Counts
from tests.support.story import NOW, at

S = TaskState
REFERENCE = Path(__file__).parents[4] / "docs" / "reference"


def test_every_code_names_the_invariants_that_it_breaks() -> None:
    assert INVARIANTS.keys() == set(Code)
    known = set(re.findall(r"^\| (I\d+) \|", (REFERENCE / "invariants.md").read_text(), re.MULTILINE))
    assert set().union(*INVARIANTS.values()) == known


def test_every_code_is_explained() -> None:
    page = (REFERENCE / "audit.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert {code: rows.get(code) for code in Code} == {c: ", ".join(INVARIANTS[c]) for c in Code}


@pytest.mark.parametrize(
    ("states", "fate"),
    [
        ([S.SUCCEEDED], Fate.SUCCEEDED),
        ([S.SUCCEEDED, S.SKIPPED], Fate.SUCCEEDED),
        ([S.SKIPPED, S.SKIPPED], Fate.SKIPPED),
        ([S.DEAD, S.SKIPPED, S.SUCCEEDED], Fate.DEAD),
        ([S.CANCELLED, S.SUCCEEDED], Fate.CANCELLED),
        ([S.DEAD, S.CANCELLED], Fate.DEAD),
        ([S.DEAD, S.BLOCKED], Fate.IN_PROGRESS),
        ([S.READY], Fate.IN_PROGRESS),
        ([S.RUNNING, S.SUCCEEDED], Fate.IN_PROGRESS),
    ],
)
def test_the_fate_of_an_occurrence(states: list[TaskState], fate: Fate) -> None:
    assert fate_of(states) is fate


def test_counts_add_up_and_name_every_fate() -> None:
    tally = Tally(jobs=1, tasks=2)
    tally.instants[Fate.DEAD] += 2
    tally.add(Tally(jobs=2, hooks=1, trimmed=1))
    both = Counts.of(tally).plus(Counts.of(tally))
    assert (both.jobs, both.tasks, both.hooks, both.trimmed) == (6, 4, 2, 2)
    assert both.instants == {**dict.fromkeys(Fate, 0), Fate.DEAD: 4}


def test_patience_counts_while_a_cluster_is_up() -> None:
    up = Moment(at(100), timedelta(seconds=10), alive_since=at(50), alive_until=at(90))
    assert [up.is_overdue(at(seconds)) for seconds in (0, 50, 79, 80, 95)] == [True, True, True, False, False]
    assert Moment(at(100), timedelta(seconds=10)).is_overdue(NOW) is False


def test_a_stretch_begins_with_its_first_instant_and_ends_before_the_other() -> None:
    assert [Stretch(at(1), at(3)).holds(at(n)) for n in (0, 1, 2, 3)] == [False, True, True, False]
    assert Stretch().holds(NOW)


@pytest.mark.parametrize(
    ("cause", "source"),
    [
        ("hook:task/3/0", Source("task", "3", 0)),
        ("hook:job/cancelled/2", Source("job", "cancelled", 2)),
        ("hook:job/misfired/2026-11-23T08:00:00.000Z/1", Source("job", "misfired", 1, NOW)),
        ("hook:job/misfired/never/1", None),
        ("hook:job/other/2026-11-23T08:00:00.000Z/1", None),
        ("hook:task/3/x", None),
        ("hook:task", None),
        ("at:task/3/0", None),
    ],
)
def test_a_hook_names_its_source(cause: str, source: Source | None) -> None:
    hook = TaskRecord(
        id="h",
        job_id="job",
        version=1,
        user_id=None,
        kind=TaskKind.HOOK,
        step="ON_SUCCESS",
        cause=cause,
        instant=NOW,
        count=0,
        due_at=NOW,
        status=S.READY,
        attempts=0,
        token=0,
        retry=DEFAULT_RETRY,
    )
    assert source_of(hook) == source
