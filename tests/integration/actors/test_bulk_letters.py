"""What is done to many dead letters at once, on the real store."""

import pytest

from karya.core.queries import LetterQuery
from tests.conformance.store.kit import StoreKit
from tests.integration.actors.counter import Counter
from tests.support.commands import RECORDER
from tests.support.mongo import Mongo
from tests.support.story import a_job, bury, first_task, submission


@pytest.mark.parametrize("way", ["redrive_all", "discard_all"])
async def test_no_action_is_read_to_move_all(kit: StoreKit, mongo: Mongo, way: str) -> None:
    """Several hundred at once may be megabytes each."""
    jobs = [a_job() for _ in range(3)]
    await kit.add(*map(submission, jobs))
    for job in jobs:
        await kit.commit(await kit.claim(first_task(job)), bury())
    kit.time.advance(9)
    server = Counter(kit, mongo).server
    with RECORDER.recorded() as said:
        assert (await getattr(server, way)(LetterQuery())).count == 3
    pages = [command for command in said if command.get("find") == "tasks" and "sort" in command]
    assert pages
    assert [page for page in pages if "action" in page.get("projection", {"action": 1})] == []
