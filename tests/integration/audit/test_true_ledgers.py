"""What the store's own operations leave behind is found to be true, whatever they were."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from karya.core.audit.findings import Finding
from karya.store.client import SyncDatabase
from tests.integration.audit.histories import Action, histories, play
from tests.integration.audit.ledgers import findings_in, in_a_world
from tests.integration.audit.stories import STORIES
from tests.support.world import World


@pytest.mark.parametrize("name", STORIES)
async def test_a_story(world: World, name: str) -> None:
    await STORIES[name](world)
    assert list(await findings_in(world)) == []


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
