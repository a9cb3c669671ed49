"""What every `UserRepository` and every `ErrorLogRepository` must do."""

import asyncio
from dataclasses import replace

import pytest

from karya.core.errors import Conflict
from karya.core.user import User, UserChange
from tests.conformance.store.kit import StoreKit
from tests.support.story import NOW, a_job, at, bury, first_task, retry, submission


class UsersConformance:
    """The users."""

    async def test_a_user_comes_back_equal(self, kit: StoreKit) -> None:
        user = User(id="1", name="ann", created_at=NOW)
        await kit.users.add(user)
        assert await kit.users.get("1") == user

    async def test_a_user_that_is_not_there(self, kit: StoreKit) -> None:
        assert await kit.users.get("1") is None

    async def test_a_change_is_of_one_user_and_of_what_it_names(self, kit: StoreKit) -> None:
        user, other = User(id="1", name="ann", created_at=NOW), User(id="2", name="bob", created_at=NOW)
        await kit.users.add(user)
        await kit.users.add(other)
        changed = await kit.users.change("1", UserChange(weight=7))
        assert changed == await kit.users.get("1") == user.model_copy(update={"weight": 7})
        assert await kit.users.get("2") == other
        assert await kit.users.change("3", UserChange(weight=7)) is None

    async def test_adding_the_same_user_again_changes_nothing(self, kit: StoreKit) -> None:
        user = User(id="1", name="ann", created_at=NOW)
        await kit.users.add(user)
        await kit.users.add(user)
        assert await kit.users.get("1") == user

    async def test_a_name_is_taken_once(self, kit: StoreKit) -> None:
        await kit.users.add(User(id="1", name="ann", created_at=NOW))
        with pytest.raises(Conflict, match="ann"):
            await kit.users.add(User(id="2", name="ann", created_at=NOW))
        assert await kit.users.get("2") is None
        await kit.users.add(User(id="3", name="Ann", created_at=NOW))

    async def test_of_many_who_want_a_name_one_gets_it(self, kit: StoreKit) -> None:
        users = [User(id=str(number), name="ann", created_at=NOW) for number in range(10)]
        answers = await asyncio.gather(*map(kit.users.add, users), return_exceptions=True)
        assert sorted(isinstance(answer, Conflict) for answer in answers) == [False] + [True] * 9
        assert len([user for user in users if await kit.users.get(user.id)]) == 1


class ErrorLogsConformance:
    """The error logs."""

    async def test_the_newest_of_a_job_come_first(self, kit: StoreKit) -> None:
        job, other = a_job(), a_job()
        await kit.add(submission(job), submission(other))
        await kit.commit(await kit.claim(first_task(other)), bury("other"))
        for number in range(5):
            await kit.commit(await kit.claim(first_task(job)), retry(f"error {number}", due_at=NOW))
            kit.time.advance(1)
        logs = await kit.errors_of(job.id)
        assert [log.error for log in logs] == [f"error {number}" for number in (4, 3, 2, 1, 0)]
        assert [log.attempt for log in logs] == [5, 4, 3, 2, 1]

    async def test_a_log_tells_when_it_failed_rather_than_when_that_was_stored(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        kit.time.advance(9)
        failed = replace(retry("late", due_at=at(4)), failed_at=at(3))
        await kit.commit(await kit.claim(first_task(job)), failed)
        (log,) = await kit.errors_of(job.id)
        assert log.at == at(3)

    async def test_a_job_without_errors(self, kit: StoreKit) -> None:
        assert not await kit.errors_of("no such job")
