"""The server does, on the real store, what the port of the service promises."""

import pytest

from karya.core.ports.service import JobService
from karya.core.transitions import Transition
from karya.core.user import Role, User
from tests.conformance.service.suite import *  # noqa: F403 - they are collected where they are imported
from tests.conformance.store.kit import StoreKit
from tests.integration.actors.counter import Counter
from tests.support.mongo import Mongo


class ServerKit:
    """Implements `tests.conformance.service.kit.Kit`."""

    def __init__(self, kit: StoreKit, mongo: Mongo) -> None:
        self.time = kit.time
        self.service: JobService = Counter(kit, mongo).server
        self._kit = kit

    async def user(self, name: str) -> str:
        await self._kit.users.add(User(id=name, name=name, role=Role.USER, created_at=self.time.now))
        return name

    async def end(self, task_id: str, outcome: Transition) -> None:
        task = await self._kit.task(task_id)
        assert not await self._kit.commit(await self._kit.claim(task), outcome)
        await self._kit.jobs.settle([task.job_id], self.time.now)


@pytest.fixture
def kit(kit: StoreKit, mongo: Mongo) -> ServerKit:
    return ServerKit(kit, mongo)
