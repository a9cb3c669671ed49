"""A look reads whole what is new, and the keys of what is known."""

from collections.abc import Iterator, Sequence

import pytest

from karya.actors.lane import Lane, Look
from karya.actors.looking import Page, Reader
from karya.core.hint import hint_of
from karya.core.job import Job
from karya.core.schedule import Once
from tests.conformance.store.kit import StoreKit
from tests.support.commands import RECORDER
from tests.support.story import a_job, at, first_task, release, submission

MANY = 12


@pytest.fixture
async def jobs(kit: StoreKit) -> Sequence[Job]:
    """Some of them are due at the same instant."""
    made = [a_job(Once(at=at(number // 3))) for number in range(MANY)]
    await kit.add(*map(submission, made))
    return sorted(made, key=lambda job: (first_task(job).due_at, first_task(job).id))


def lane_that_knows(jobs: Sequence[Job], capacity: int = 100) -> Lane:
    lane = Lane("default", capacity, 3)
    lane.timetable.add(hint_of(first_task(job)) for job in jobs)
    return lane


def look(*, meets_known: bool) -> Look:
    return Look(at(60), meets_known=meets_known)


def pages(reader: Reader, lane: Lane, look: Look) -> Iterator[Page]:
    """All of a look, which takes in what it finds."""
    while True:
        page = reader.page(lane, look)
        lane.timetable.add(task.hint for task in page.fresh)
        look.after = page.last or look.after
        yield page
        if not page.more:
            return


def found(found: Sequence[Page]) -> list[str]:
    return sorted(task.hint.job_id for page in found for task in page.fresh)


def ids(jobs: Sequence[Job]) -> list[str]:
    return sorted(job.id for job in jobs)


@pytest.mark.parametrize("meets_known", [True, False])
@pytest.mark.parametrize("most_keys, most_tasks", [(100, 100), (3, 100), (100, 2), (2, 3), (1, 1)])
@pytest.mark.parametrize("known", [slice(0, 0), slice(0, 9), slice(3, None), slice(None, None, 2)])
async def test_a_look_finds_all_that_is_not_known(
    kit: StoreKit, jobs: Sequence[Job], meets_known: bool, most_keys: int, most_tasks: int, known: slice
) -> None:
    there = jobs[known]
    seen = list(
        pages(
            Reader(kit.agenda, most_keys, most_tasks), lane_that_knows(there), look(meets_known=meets_known)
        )
    )
    assert found(seen) == ids([job for job in jobs if job not in there])
    assert all(len(page.fresh) <= most_tasks for page in seen)


async def test_of_what_is_known_no_document_is_read(kit: StoreKit, jobs: Sequence[Job]) -> None:
    with RECORDER.recorded() as said:
        page = Reader(kit.agenda, 100, 100).page(lane_that_knows(jobs), look(meets_known=True))
    assert page == Page([], (first_task(jobs[-1]).due_at, first_task(jobs[-1]).id), more=False)
    (command,) = said
    assert command["projection"] == {"token": 1, "due_at": 1}


async def test_another_state_of_a_known_task_is_new(kit: StoreKit, jobs: Sequence[Job]) -> None:
    lane = lane_that_knows(jobs)
    await kit.commit(await kit.claim(first_task(jobs[0])), release())
    (page,) = pages(Reader(kit.agenda, 100, 100), lane, look(meets_known=True))
    assert [task.hint.token for task in page.fresh] == [1]


async def test_what_was_claimed_between_key_and_task_is_left_out(
    kit: StoreKit, jobs: Sequence[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = kit.agenda.tasks
    await kit.claim(first_task(jobs[0]))
    keyed = [first_task(job).id for job in jobs]
    monkeypatch.setattr(kit.agenda, "tasks", lambda _: real(keyed))
    page = Reader(kit.agenda, 100, 100).page(lane_that_knows([]), look(meets_known=True))
    assert found([page]) == ids(jobs[1:])


async def test_no_more_is_read_than_there_is_room_for(kit: StoreKit, jobs: Sequence[Job]) -> None:
    for meets_known in (True, False):
        page = Reader(kit.agenda, 100, 100).page(lane_that_knows([], 5), look(meets_known=meets_known))
        assert (found([page]), page.more) == (ids(jobs[:5]), True)


async def test_the_way_of_reading_follows_what_is_met(kit: StoreKit, jobs: Sequence[Job]) -> None:
    lane, new = lane_that_knows(jobs[:6]), look(meets_known=False)
    ways = [new.meets_known for _ in pages(Reader(kit.agenda, 3, 3), lane, new)]
    assert ways == [True, True, False, False, False]
