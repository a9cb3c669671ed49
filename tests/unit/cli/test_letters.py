"""Dead letters: which of them a command moves, and in which requests."""

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from karya.cli import moving
from karya.cli.moving import slices
from karya.client import Client
from karya.core.queries import LetterQuery
from karya.core.task import Task, TaskState
from karya.core.times import format_instant
from karya.core.views import BulkView
from tests.support.served import Served
from tests.unit.cli.conftest import START, Run, kill

NOOP: Any = {"type": "noop"}
MILLISECOND = timedelta(milliseconds=1)


def test_each_letter_is_redriven_once_slice_by_slice(
    served: Served, karya: Run, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        karya("trigger", job)
    kill(served, job)
    redrive_all, asked = served.memory.jobs.redrive_all, list[tuple[LetterQuery, int]]()

    async def told(query: LetterQuery) -> BulkView:
        moved = await redrive_all(query)
        asked.append((query, moved.count))
        return moved

    monkeypatch.setattr(served.memory.jobs, "redrive_all", told)
    monkeypatch.setattr(moving, "slices", lambda died: slices(died, 2))
    done = karya("letters", "redrive", "--job", job)
    assert (done.stdout, done.exit_code) == ("7 dead letters redriven\n", 0)
    bounds = [START + number * MILLISECOND for number in (0, 2, 4, 6, 7)]
    assert asked == [
        (LetterQuery(job_id=job, died_after=after, died_before=before), count)
        for (after, before), count in zip(pairwise(bounds), (2, 2, 2, 1), strict=True)
    ]


def test_all_letters_are_moved_only_when_all_are_asked_for(served: Served, karya: Run, job: str) -> None:
    karya("trigger", job)
    kill(served, job)
    for words in ((), ("x", "--all"), ("x", "--text", "boom")):
        assert karya("letters", "discard", *words).exit_code == 2
    assert karya("letters", "redrive", "--text", "zzz").stdout == "0 dead letters redriven\n"
    assert karya("letters", "discard", "--all", "--json").stdout == '{\n  "count": 2\n}\n'


@pytest.fixture
def letters(served: Served) -> tuple[Task, Task]:
    """Two dead letters that have nothing in common: users, jobs, steps, errors, and when they died."""
    with Client(served.url) as client:
        jobs = [client.submit({"steps": [{"name": step, "action": NOOP}]}).id for step in ("load", "send")]
        users = [client.add_user(name).id for name in ("ann", "bob")]
    memory = served.memory.jobs
    for number, (job, error) in enumerate(zip(jobs, ("boom", "Disk full"), strict=True)):
        memory.jobs[job] = memory.jobs[job].model_copy(update={"user_id": users[number]})
        kill(served, job)
        (task,) = memory.stored_tasks[job]
        died = {"error": error, "finished_at": START + number * MILLISECOND}
        memory.stored_tasks[job] = [task.model_copy(update=died)]
    first, second = (memory.stored_tasks[job][0] for job in jobs)
    return first, second


@pytest.mark.parametrize("verb", ["list", "redrive", "discard"])
@pytest.mark.parametrize(
    ("option", "value", "found"),
    [
        ("--job", lambda letter: letter.job_id, 1),
        ("--step", lambda letter: letter.step, 1),
        ("--user", lambda _: "bob", 1),
        ("--text", lambda _: "DISK", 1),
        ("--died-after", lambda letter: format_instant(letter.finished_at), 1),
        ("--died-before", lambda letter: format_instant(letter.finished_at), 0),
    ],
    ids=["job", "step", "user", "text", "died-after", "died-before"],
)
def test_each_option_finds_its_letters_and_moves_no_others(
    verb: str,
    option: str,
    value: Callable[[Task], str],
    found: int,
    letters: tuple[Task, Task],
    served: Served,
    karya: Run,
) -> None:
    done = karya("letters", verb, option, value(letters[1]), "--json")
    if verb == "list":
        assert [task["id"] for task in json.loads(done.stdout)["tasks"]] == [letters[found].id]
        return
    assert json.loads(done.stdout) == {"count": 1}
    left = [task for tasks in served.memory.jobs.stored_tasks.values() for task in tasks]
    assert [task.id for task in left if task.status is TaskState.DEAD] == [letters[1 - found].id]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_slices_hold_each_instant_once_and_in_order(size: int) -> None:
    died = [START + timedelta(milliseconds=number) for number in (0, 0, 0, 1, 2, 2, 2, 2, 5, 9, 9)]
    parts = list(slices(reversed(died), size))
    held = [[at for at in died if part.after <= at < part.before] for part in parts]
    assert [at for part in held for at in part] == died
    assert all(held)
    assert list(slices([], size)) == []
