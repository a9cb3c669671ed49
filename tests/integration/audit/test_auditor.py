"""The auditor on the store: what is wrong with the documents is told; what only looked wrong is not."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from karya.actors.auditor import LedgerAuditor
from karya.core.audit.findings import INVARIANTS, Code
from karya.core.audit.records import Entry
from karya.core.errors import InvalidInput, NotFound
from karya.core.ids import new_id
from karya.core.ports.ledger import Place, Sheet
from karya.core.queries import AuditQuery
from karya.core.views import AuditPage
from karya.store.client import SyncDatabase
from karya.store.names import ERROR_LOGS, JOB_CHANGES, JOBS, SKIPS, TASKS
from tests.integration.audit.ledgers import PATIENCE
from tests.integration.audit.stories import misfired, paused_and_resumed, runs_and_retries, triggered
from tests.support.mongo import Mongo
from tests.support.story import NOW, at
from tests.support.world import LOCK, World

QUERY = AuditQuery(patience=PATIENCE)


def auditor(world: World, ledger: Any = None) -> LedgerAuditor:
    return LedgerAuditor(ledger or world.kit.ledger, world.kit.jobs, LOCK, look_again=0)


async def audited(world: World, **query: Any) -> AuditPage:
    wanted = QUERY.model_copy(update=query)
    return await auditor(world).audit(wanted, cursor=None)


Damage = Callable[[SyncDatabase], Any]
SUCCEEDED = {"kind": "step", "status": "SUCCEEDED", "count": {"$gt": 0}}


def moved(database: SyncDatabase) -> None:
    """An occurrence becomes that of another instant."""
    task = database[TASKS].find_one_and_delete(SUCCEEDED)
    assert task
    other = at(0.5)
    database[TASKS].insert_one({**task, "_id": task["_id"][:-4] + "beef", "instant": other})


DAMAGE: Mapping[Code, Damage] = {
    Code.MISSING_INSTANT: lambda db: db[TASKS].delete_one(SUCCEEDED),
    Code.EXTRA_INSTANT: moved,
    Code.NO_END: lambda db: db[TASKS].update_one(SUCCEEDED, {"$unset": {"finished_at": ""}}),
    Code.EARLY_START: lambda db: db[TASKS].update_one(SUCCEEDED, {"$set": {"started_at": NOW}}),
    Code.TOKEN_FELL: lambda db: db[TASKS].update_one(SUCCEEDED, {"$set": {"token": 0}}),
    Code.NO_REASON: lambda db: db[TASKS].update_one({"status": "DEAD"}, {"$unset": {"error": ""}}),
    Code.ATTEMPTS_DISAGREE: lambda db: db[ERROR_LOGS].delete_one({"attempt": 1}),
    Code.HOOK_MISSING: lambda db: db[TASKS].delete_one({"step": "ON_SUCCESS"}),
    Code.WRONG_OWNER: lambda db: db[TASKS].update_one(SUCCEEDED, {"$set": {"user_id": "bob"}}),
    Code.WRONG_CURSOR: lambda db: db[JOBS].update_one({}, {"$inc": {"cursor.count": 1}}),
    Code.UNREADABLE: lambda db: db[TASKS].update_one(SUCCEEDED, {"$set": {"status": "LOST"}}),
}


@pytest.mark.parametrize("code", DAMAGE)
async def test_damage_is_told(world: World, mongo: Mongo, code: Code) -> None:
    await runs_and_retries(world)
    assert (await audited(world)).is_clean
    DAMAGE[code](mongo.blocking)
    found = (await audited(world)).findings
    assert code in {finding.code for finding in found}
    assert {finding.job_id for finding in found} == {world.jobs[0].id}
    assert all(finding.invariants == INVARIANTS[finding.code] and finding.text for finding in found)


async def test_what_stands_beside_the_tasks_is_looked_at_too(world: World, mongo: Mongo) -> None:
    await paused_and_resumed(world)
    await misfired(world)
    await triggered(world)
    assert (await audited(world)).is_clean
    mongo.blocking[SKIPS].delete_many({})
    mongo.blocking[JOB_CHANGES].delete_many({"kind": {"$in": ["triggered", "resumed"]}})
    codes = {finding.code for finding in (await audited(world)).findings}
    assert codes >= {Code.MISSING_INSTANT, Code.TRIGGER_WITHOUT_CAUSE, Code.SKIP_WITHOUT_CAUSE}


async def test_a_job_that_cannot_be_read_is_told(world: World, mongo: Mongo) -> None:
    job = await world.submit()
    other = await world.submit()
    mongo.blocking[JOBS].update_one({"_id": job.id}, {"$set": {"schedule": "{}"}})
    page = await audited(world)
    assert [(finding.code, finding.job_id) for finding in page.findings] == [(Code.UNREADABLE, job.id)]
    assert page.counts.jobs == 1 and other.id != job.id


class Torn:
    """A ledger the first look at which comes in the middle of a write, as a store without snapshots might
    show it."""

    def __init__(self, world: World, mongo: Mongo) -> None:
        self._world = world
        self._mongo = mongo
        self.looks: list[str] = []
        self.vitals = world.kit.ledger.vitals

    async def sheet(self, query: AuditQuery, place: Place | None) -> Sheet:
        self.looks.append("first")
        task = self._mongo.blocking[TASKS].find_one_and_delete(SUCCEEDED)
        assert task
        sheet = await self._world.kit.ledger.sheet(query, place)
        self._mongo.blocking[TASKS].insert_one(task)
        return sheet

    async def again(self, entry: Entry) -> Entry | None:
        self.looks.append("second")
        return await self._world.kit.ledger.again(entry)


async def test_what_looks_wrong_is_looked_at_again(world: World, mongo: Mongo) -> None:
    await runs_and_retries(world)
    torn = Torn(world, mongo)
    page = await auditor(world, torn).audit(QUERY, cursor=None)
    assert (page.is_clean, torn.looks) == (True, ["first", "second"])


async def test_one_job_or_none(world: World) -> None:
    await runs_and_retries(world)
    other = await world.submit()
    assert (await audited(world)).counts.jobs == 2
    page = await audited(world, job_id=other.id)
    assert (page.counts.jobs, page.counts.tasks) == (1, 1)
    with pytest.raises(NotFound):
        await audited(world, job_id=new_id(NOW))
    page = await audited(world, job_id=other.id, until=NOW)
    assert (page.counts.jobs, page.next_cursor) == (0, None)


@pytest.mark.parametrize("cursor", ["x", "e30=", "bm8=", "eyJqb2IiOiAxfQ=="])
async def test_a_foreign_cursor_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        await auditor(world).audit(QUERY, cursor=cursor)


async def test_one_page_at_a_time(world: World) -> None:
    """However many ask."""
    await world.submit()
    running = most = 0
    ledger = world.kit.ledger

    class Watched:
        vitals = ledger.vitals
        again = ledger.again

        async def sheet(self, query: AuditQuery, place: Place | None) -> Sheet:
            nonlocal running, most
            running += 1
            most = max(most, running)
            sheet = await ledger.sheet(query, place)
            running -= 1
            return sheet

    one = auditor(world, Watched())
    pages = await asyncio.gather(*(one.audit(QUERY, cursor=None) for _ in range(5)))
    assert (most, {page.counts.jobs for page in pages}) == (1, {1})
