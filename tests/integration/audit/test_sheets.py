"""However little goes on a sheet, the ledger reads the same: nothing is lost or told twice between two."""

import pytest

from karya.actors.auditor import LedgerAuditor
from karya.core.audit.findings import Code
from karya.core.audit.tally import Fate
from karya.core.queries import AuditQuery
from karya.core.schedule import Cron, Once
from karya.core.views import AuditPage, AuditReport
from karya.core.views.audit import merged
from karya.store.ledger import MongoLedger
from karya.store.ledger.reading import Sizes
from karya.store.names import JOBS, TASKS
from tests.integration.audit.ledgers import PATIENCE
from tests.integration.audit.stories import STORIES
from tests.support.mongo import Mongo
from tests.support.story import at, every, step
from tests.support.world import LOCK, World

TINY = Sizes(jobs=2, tasks=4, others=2)


def auditor(world: World, mongo: Mongo, sizes: Sizes) -> LedgerAuditor:
    ledger = MongoLedger(mongo.asynchronous, now=lambda: world.kit.time.now, sizes=sizes)
    return LedgerAuditor(ledger, world.kit.jobs, LOCK, look_again=0)


async def pages(auditor: LedgerAuditor, **query: object) -> list[AuditPage]:
    wanted = AuditQuery.model_validate({"patience": PATIENCE, **query})
    found = [await auditor.audit(wanted, cursor=None)]
    while found[-1].next_cursor is not None:
        found.append(await auditor.audit(wanted, cursor=found[-1].next_cursor))
    return found


@pytest.mark.parametrize("name", STORIES)
async def test_the_counts_are_the_same(world: World, mongo: Mongo, name: str) -> None:
    await STORIES[name](world)
    whole = await pages(auditor(world, mongo, Sizes()))
    parts = await pages(auditor(world, mongo, TINY))
    assert (len(whole), len(parts) > 1) == (1, name != "skipped_on_request")
    left, right = merged(whole), merged(parts)
    assert right.findings == ()
    if name in TOLD_IN_PART:
        assert right.counts.trimmed > left.counts.trimmed
        left, right = _but_for_what_was_withdrawn(left), _but_for_what_was_withdrawn(right)
    assert right.counts == left.counts


async def test_the_numbers_go_on_from_sheet_to_sheet(world: World, mongo: Mongo) -> None:
    """Of a calendar rule nothing but counting tells the number of an instant: from the seventh on, all are
    one too high, the cursor included."""
    job = await world.submit(Cron(expression="* * * * *"))
    await world.run(720, by=60)
    tasks, jobs = mongo.blocking[TASKS], mongo.blocking[JOBS]
    wrong = tasks.update_many({"job_id": job.id, "count": {"$gte": 7}}, {"$inc": {"count": 1}}).modified_count
    jobs.update_one({"_id": job.id}, {"$inc": {"cursor.count": 1}})
    for sizes in (Sizes(), TINY):
        found = merged(await pages(auditor(world, mongo, sizes))).findings
        assert {finding.instant for finding in found} == {at(60 * number) for number in range(7, 7 + wrong)}
        assert {finding.code for finding in found} == {Code.WRONG_NUMBER, Code.WRONG_CURSOR}


async def test_what_shares_an_instant_shares_a_sheet(world: World, mongo: Mongo) -> None:
    await world.submit(every(5), steps=[step(f"s{number}") for number in range(9)])
    await world.run(16, by=5)
    parts = await pages(auditor(world, mongo, TINY))
    assert {page.counts.tasks for page in parts} <= {0, 9}
    assert merged(parts).counts.tasks == 9 * 4
    assert merged(parts).findings == ()


async def test_a_job_that_goes_between_two_sheets_is_left_out(world: World, mongo: Mongo) -> None:
    kept = await world.submit(Once(at=at(99)))
    await world.run(1)
    gone = await world.submit(every(3))
    await world.run(30, by=3)
    tiny = auditor(world, mongo, TINY)
    first = await tiny.audit(AuditQuery(), cursor=None)
    for name in (TASKS, JOBS):
        key = "job_id" if name == TASKS else "_id"
        mongo.blocking[name].delete_many({key: gone.id})
    rest = await tiny.audit(AuditQuery(), cursor=first.next_cursor)
    assert (rest.counts.jobs, rest.findings, rest.next_cursor) == (1, (), None)
    assert kept.id < gone.id


TOLD_IN_PART = {"changed_behind_outages", "changed_often", "changed_to_and_fro", "skipped_on_request"}
"""More was done to their jobs than fits on so small a sheet."""


def _but_for_what_was_withdrawn(report: AuditReport) -> AuditReport:
    """What updates did that are not told of is not counted."""
    instants = {fate: n for fate, n in report.counts.instants.items() if fate is not Fate.WITHDRAWN}
    counts = report.counts.model_copy(update={"instants": instants, "trimmed": 0})
    return report.model_copy(update={"counts": counts})
