"""What the store's own operations leave behind is found to be true, whatever they were."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from karya.core.audit.findings import Finding
from karya.core.job import Job
from karya.core.policies import Retention
from karya.core.ports.lifecycle import ChangeKind
from karya.core.retry import RetryPolicy
from karya.core.schedule import Once
from karya.store.client import SyncDatabase
from tests.integration.audit.histories import Action, histories, play
from tests.integration.audit.ledgers import findings_in, in_a_world
from tests.integration.audit.stories import STORIES
from tests.support.story import ON_COMPLETION, every
from tests.support.world import World, fails, succeeds

DAY = timedelta(days=1)


@pytest.mark.parametrize("name", STORIES)
async def test_a_story(world: World, name: str) -> None:
    await STORIES[name](world)
    assert list(await findings_in(world)) == []


async def test_what_retention_leaves(world: World) -> None:
    """Day by day, with updates, triggers, dead letters, and jobs that are made long before they run."""
    kept = Retention(succeeded=2 * DAY, other=4 * DAY)
    daily = await world.submit(every(DAY.total_seconds()), retention=kept, retry=RetryPolicy(max_attempts=1))
    ends: list[Job] = []
    for day in range(14):
        await world.trigger(daily)
        if day % 5 == 0:
            await world.update(daily, description=f"from day {day} on")
        ends.append(await world.submit(Once(at=world.now + 9 * DAY), ON_COMPLETION, retention=kept))
        await world.run(DAY.total_seconds(), fails if day % 4 == 1 else succeeds, by=DAY.total_seconds())
        while (await world.kit.retention.expire(world.now, 9)).looked:
            pass
        assert list(await findings_in(world)) == [], f"on day {day}"
    left = await world.kit.tasks_of(daily.id)
    assert len(left) < 20 and len(await world.letters(daily)) > 4
    changes = [change.kind for change in (await world.kit.history_of(daily.id)).changes]
    assert (changes.count(ChangeKind.UPDATED), changes.count(ChangeKind.TRIGGERED)) == (3, 5)
    assert await world.kit.jobs.get(ends[0].id) is None


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink what takes seconds takes hours
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories())
def test_any_history(prepared: SyncDatabase, mongod_url: str, history: list[Action]) -> None:
    async def story(world: World) -> Sequence[Finding]:
        await play(world, history)
        return await findings_in(world)

    assert list(in_a_world(prepared, mongod_url, story)) == []
