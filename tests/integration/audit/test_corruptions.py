"""The judge is judged: of a true ledger with one thing wrong it says so, every time, and what and where."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from karya.core.audit.judge import judge
from karya.core.audit.records import Entry, Moment
from karya.store.client import SyncDatabase
from tests.integration.audit.corruptions import CORRUPTIONS, Corrupted
from tests.integration.audit.histories import Action, histories, play
from tests.integration.audit.ledgers import in_a_world, ledger_of, moment_of
from tests.integration.audit.stories import STORIES
from tests.support.world import World


@dataclass(frozen=True)
class Ledger:
    """A true one, and when it was read."""

    entries: Sequence[Entry]
    moment: Moment


async def read(world: World) -> Ledger:
    return Ledger(await ledger_of(world), await moment_of(world))


@pytest.fixture(scope="module")
def ledgers(prepared: SyncDatabase, mongod_url: str) -> Mapping[str, Ledger]:
    """Those of all stories."""
    told = {}
    for name, story in STORIES.items():

        async def tell(world: World, story: object = story) -> Ledger:
            await STORIES[name](world)  # noqa: B023 - it is told at once
            return await read(world)

        told[name] = in_a_world(prepared, mongod_url, tell)
    return told


def missed(corrupted: Corrupted, moment: Moment) -> str | None:
    """What the judge should have said, and did not."""
    found = judge(corrupted.entry, moment).findings
    for finding in found:
        place = corrupted.instant in (None, finding.instant) and corrupted.task_id in (None, finding.task_id)
        if finding.code in corrupted.codes and place:
            return None
    said = [(finding.code.value, finding.instant, finding.task_id, finding.text) for finding in found]
    return f"{set(corrupted.codes)} of {corrupted.instant} {corrupted.task_id}: {said}"


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_it_is_found_wherever_it_is_made(ledgers: Mapping[str, Ledger], name: str) -> None:
    made = 0
    for story, ledger in ledgers.items():
        for entry in ledger.entries:
            for corrupted in CORRUPTIONS[name](entry):
                made += 1
                problem = missed(corrupted, ledger.moment)
                assert problem is None, f"{story}: {problem}"
    assert made, "no story leaves anything behind of which this could be made"


def every_corruption(ledger: Ledger) -> Iterator[tuple[str, Corrupted]]:
    for name, make in CORRUPTIONS.items():
        for entry in ledger.entries:
            yield from ((name, corrupted) for corrupted in make(entry))


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories(), data=st.data())
def test_one_thing_wrong_in_any_history(
    prepared: SyncDatabase, mongod_url: str, history: list[Action], data: st.DataObject
) -> None:
    """One place of each kind, wherever it can be made."""

    async def story(world: World) -> Ledger:
        await play(world, history)
        return await read(world)

    ledger = in_a_world(prepared, mongod_url, story)
    assert [found for entry in ledger.entries for found in judge(entry, ledger.moment).findings] == []
    places: dict[str, list[Corrupted]] = defaultdict(list)
    for name, corrupted in every_corruption(ledger):
        places[name].append(corrupted)
    for name, found in places.items():
        corrupted = found[data.draw(st.integers(0, 9999), label=name) % len(found)]
        assert missed(corrupted, ledger.moment) is None, name
