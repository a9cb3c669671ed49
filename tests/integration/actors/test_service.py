"""The server does, on the real store, what the port of the service promises."""

import pytest

from karya.core.ports.service import JobService
from karya.core.transitions import Transition
from karya.core.user import Role, User
from tests.conformance.service.begun import BegunConformance
from tests.conformance.service.changing import ChangingConformance
from tests.conformance.service.letter_lists import LetterListsConformance
from tests.conformance.service.letters import LettersConformance
from tests.conformance.service.lists import ListsConformance
from tests.conformance.service.refusals import RefusalsConformance
from tests.conformance.service.steering import (
    CancellingConformance,
    PausingConformance,
    SkippingConformance,
    TriggeringConformance,
)
from tests.conformance.service.submitting import (
    AheadConformance,
    CheckingConformance,
    NamesConformance,
    SubmittingConformance,
)
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


class TestRefusals(RefusalsConformance):
    pass


class TestBegun(BegunConformance):
    pass


class TestChanging(ChangingConformance):
    pass


class TestCancelling(CancellingConformance):
    pass


class TestPausing(PausingConformance):
    pass


class TestSkipping(SkippingConformance):
    pass


class TestTriggering(TriggeringConformance):
    pass


class TestLetters(LettersConformance):
    pass


class TestLetterLists(LetterListsConformance):
    pass


class TestLists(ListsConformance):
    pass


class TestSubmitting(SubmittingConformance):
    pass


class TestNames(NamesConformance):
    pass


class TestChecking(CheckingConformance):
    pass


class TestAhead(AheadConformance):
    pass
