"""Jobs, as upstream's clients look at them."""

from datetime import timedelta

import pytest

from karya.core.job import Job
from karya.store.plans import MongoPlans
from tests.conformance.store.kit import StoreKit
from tests.support.mongo import Mongo
from tests.support.story import NOW, a_job, submission


@pytest.fixture
def plans(mongo: Mongo) -> MongoPlans:
    return MongoPlans(mongo.asynchronous)


async def stored(kit: StoreKit, *jobs: Job) -> list[str]:
    await kit.add(*map(submission, jobs))
    return [job.id for job in jobs]


async def test_pages_are_numbered_from_the_newest(kit: StoreKit, plans: MongoPlans) -> None:
    times = [NOW + timedelta(seconds=number) for number in range(5)]
    mine = await stored(kit, *(a_job(user_id="me", created_at=time) for time in times))
    await stored(kit, a_job(user_id="you"), a_job())
    seen = [await plans.page("me", number, 2) for number in range(4)]
    assert [[job.id for job in page.jobs] for page in seen] == [mine[:2:-1], mine[2:0:-1], mine[:1], []]
    assert {page.total for page in seen} == {5}
