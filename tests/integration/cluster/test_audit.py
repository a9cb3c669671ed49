"""The ledger of a real cluster after a bit of everything, proven by the audit."""

from collections.abc import Iterator

import pytest

from karya.core.audit.tally import Fate
from karya.core.errors import NotFound
from karya.core.job import JobState
from karya.core.task import TaskState
from karya.core.views import AuditReport
from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.specs import ONCE, attempts, interval, post, step
from tests.support.target import Target, respond

pytestmark = pytest.mark.cluster

HOOKS = [
    {"trigger": trigger, "action": {"type": "noop"}}
    for trigger in ("ON_SUCCESS", "ON_RETRY", "ON_FAILURE", "ON_DEAD_LETTER", "ON_CANCELLED", "ON_COMPLETION")
]
NOOP = {"type": "noop"}


@pytest.fixture
def jobs(karya: Running, target: Target) -> Iterator[dict[str, str]]:
    """Some that end, and some that go on until the test has ended."""
    flaky = target.at("/audit-flaky", respond(500), respond(200), respond(500), respond(500), respond(200))
    made = {
        "once": karya.submit(action=NOOP),
        "often": karya.submit(schedule=interval("PT0.5S", max_runs=6), action=NOOP, hooks=HOOKS),
        "flaky": karya.submit(
            schedule=interval("PT1S", max_runs=3), action=post(flaky), retry=attempts(2), hooks=HOOKS
        ),
        "dead": karya.submit(action=post(target.at("/audit-dead", respond(400))), retry=ONCE, hooks=HOOKS),
        "steps": karya.submit(
            steps=[step("a", NOOP), step("b", NOOP, "a"), step("c", NOOP, "a", when="failure")],
            schedule=interval("PT1S"),
        ),
        "changed": karya.submit(schedule=interval("PT1S"), action=NOOP),
        "slow": karya.submit(schedule=interval("PT0.4S"), action=NOOP, overlap="skip"),
    }
    yield made
    for job in made.values():
        if karya.karya.get(job).status in (JobState.ACTIVE, JobState.PAUSED):
            karya.karya.cancel(job)


def test_a_bit_of_everything_is_accounted_for(karya: Running, jobs: dict[str, str]) -> None:
    client = karya.karya
    for name in ("once", "often", "flaky", "dead"):
        karya.ended(jobs[name], 30)
    (letter,) = client.tasks(jobs["dead"]).tasks[-1:]
    client.pause(jobs["changed"])
    client.trigger(jobs["steps"])
    client.skip_next(jobs["steps"])
    client.redrive(client.summary(jobs["dead"]).tasks[-1].id)
    client.update(jobs["slow"], schedule=interval("PT0.3S"))
    client.resume(jobs["changed"])
    client.update(jobs["changed"], schedule=interval("PT0.7S"), description="faster")
    runs = eventually(lambda: counted(karya, jobs["changed"]) >= 3, 30, "some runs of the new version")
    assert runs and letter
    client.cancel(jobs["steps"])
    report = client.audit()
    assert report.is_clean, report.findings
    assert report.counts.jobs >= len(jobs) and report.counts.hooks > 12
    assert report.alive_until == report.at
    once = client.audit(job_id=jobs["often"])
    assert (once.counts.jobs, once.counts.instants[Fate.SUCCEEDED], once.counts.hooks) == (1, 6, 7)
    with pytest.raises(NotFound):
        client.audit(job_id="nobody")


def counted(karya: Running, job: str) -> int:
    return karya.karya.summary(job).counts.get(TaskState.SUCCEEDED, 0)


def test_over_http_it_comes_in_pages(karya: Running) -> None:
    for _ in range(3):
        status, jobs = karya.http("POST", "/v1/jobs/batch", [{"action": NOOP}] * 60)
        assert status == 201, jobs
    pages = [karya.http("GET", "/v1/audit")[1]]
    while (cursor := pages[-1]["next_cursor"]) is not None:
        pages.append(karya.http("GET", f"/v1/audit?cursor={cursor}")[1])
    assert len(pages) > 1
    assert [finding for page in pages for finding in page["findings"]] == []
    assert sum(page["counts"]["jobs"] for page in pages) >= 180
    assert AuditReport.model_validate(pages[0]).is_clean
