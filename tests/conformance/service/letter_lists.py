"""How every `JobService` must find dead letters, to list them and to move them."""

from collections.abc import Sequence
from typing import Any

import pytest

from karya.core.errors import InvalidInput
from karya.core.queries import JobQuery, LetterQuery
from karya.core.task import TaskState
from tests.conformance.service.kit import Clerk, Kit, ids
from tests.conformance.service.letters import ALL, MOVED
from tests.conformance.service.steering import TWO_STEPS
from tests.support.story import at

FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [3, 2, 1, 0]),
    ({"user_id": "ann"}, [3, 0]),
    ({"user_id": "nobody"}, []),
    ({"job_id": 1}, [2, 1]),
    ({"step": "main"}, [3, 0]),
    ({"step": "a"}, [1]),
    ({"text": "DOWN"}, [2, 0]),
    ({"text": "d.wn"}, []),
    ({"died_after": at(4)}, [3, 2, 1]),
    ({"died_before": at(4)}, [0]),
    ({"died_after": at(4), "died_before": at(6)}, [2, 1]),
    ({"user_id": "ann", "step": "main", "text": "down", "died_before": at(9)}, [0]),
    ({"user_id": "ann", "job_id": 1}, []),
]
"""Each filter, and which of the letters of `world` it finds; a job stands by its number."""
BY_FILTER = pytest.mark.parametrize(("given", "found"), FILTERS, ids=str)


class LetterListsConformance(Clerk):
    """Every list, every count and every call about many goes by the same filters."""

    async def world(self, kit: Kit, given: dict[str, Any]) -> tuple[Sequence[str], LetterQuery]:
        """Four letters, of the seconds from 3 to 6, and what is asked for."""
        ann = await kit.user("ann")
        jobs = [
            await self.job(kit, user_id=ann, description="the first"),
            await self.job(kit, steps=TWO_STEPS),
            await self.job(kit, user_id=ann),
        ]
        died = ((0, "Down (host)"), (1, "late"), (1, "is down"), (2, "late"))
        letters = [await self.bury(kit, jobs[number].id, error) for number, error in died]
        of_job = {"job_id": jobs[given["job_id"]].id} if "job_id" in given else {}
        return ids(letters), LetterQuery(**{**given, **of_job})

    @BY_FILTER
    async def test_the_lists_find(self, kit: Kit, given: dict[str, Any], found: list[int]) -> None:
        letters, query = await self.world(kit, given)
        wanted = [letters[number] for number in found]
        assert await self._listed(kit, query, 10) == await self._listed(kit, query, 1) == wanted
        assert (await kit.service.letter_count(query)).count == len(wanted)
        groups = (await kit.service.letter_groups(query)).groups
        assert sum(group.count for group in groups) == len(wanted)

    async def _listed(self, kit: Kit, query: LetterQuery, limit: int) -> list[str]:
        listed, read, following, cursor = list[str](), list[str](), list[bool](), None
        while True:
            page = await kit.service.dead_letters(query, cursor=cursor, limit=limit)
            lines = await kit.service.letter_lines(query, cursor=cursor, limit=limit)
            listed += ids(page.tasks)
            read += [line.id for line in lines.items]
            following.append(page.next_cursor == lines.next_cursor)
            if (cursor := page.next_cursor) is None:
                break
        assert read == listed and all(following), "people read the same pages"
        return listed

    @BY_FILTER
    @pytest.mark.parametrize("verb", MOVED)
    async def test_all_of_them_are_moved_and_no_other(
        self, kit: Kit, verb: str, given: dict[str, Any], found: list[int]
    ) -> None:
        letters, query = await self.world(kit, given)
        assert (await getattr(kit.service, f"{verb}_all")(query)).count == len(found)
        states = [(await kit.service.task(letter)).task.status for letter in letters]
        assert states == [MOVED[verb] if n in found else TaskState.DEAD for n in range(len(letters))]

    async def test_a_line_tells_what_died_of_what(self, kit: Kit) -> None:
        letters, _ = await self.world(kit, {})
        (line,) = (await kit.service.letter_lines(ALL, cursor=None, limit=9)).items[3:]
        letter = (await kit.service.task(letters[0])).task
        assert (line.id, line.job_id, line.title) == (letter.id, letter.job_id, "the first")
        assert (line.step, line.instant, line.finished_at) == ("main", at(0), at(3))
        assert (line.error, line.attempts) == ("Down (host)", 1)

    async def test_groups_tell_what_they_died_of(self, kit: Kit) -> None:
        job = await self.job(kit, steps=[{**step, "name": f"s{n}"} for n, step in enumerate(TWO_STEPS * 2)])
        errors = ("no answer from 10.0.0.1: job 12345678", "late", "no answer from 10.0.0.1: job 87654321")
        letters = [await self.bury(kit, job.id, error) for error in errors]
        groups = await kit.service.letter_groups(ALL)
        assert [(group.error, group.connector, group.count) for group in groups.groups] == [
            ("no answer from 10.0.0.1: job", "noop", 2),
            ("late", "noop", 1),
        ]
        assert [(group.latest, group.task_id) for group in groups.groups] == [
            (at(3), letters[2].id),
            (at(2), letters[1].id),
        ]
        assert (groups.looked.count, groups.left_out) == (3, 0)

    async def test_a_job_tells_how_many_it_has(self, kit: Kit) -> None:
        await self.world(kit, {})
        lines = (await kit.service.job_lines(JobQuery(), cursor=None, limit=9)).items
        assert [line.dead.count for line in lines] == [1, 2, 1]

    async def test_a_cursor_that_no_page_gave_is_refused(self, kit: Kit) -> None:
        with pytest.raises(InvalidInput) as refused:
            await kit.service.dead_letters(ALL, cursor="x", limit=9)
        assert [error.field for error in refused.value.errors] == ["cursor"]
