"""Finding jobs, end to end."""

from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from karya.core.times import format_instant
from karya.core.views import JobView
from tests.support.running import Running
from tests.support.specs import SELDOM

pytestmark = pytest.mark.cluster

NOOP = {"type": "noop"}
NAMES = ("red", "green", "blue", "done")


@pytest.fixture(scope="module")
def jobs(karya: Running) -> Mapping[str, JobView]:
    """Four jobs, each younger than the one before."""
    user = karya.http("POST", "/v1/users", {"name": "finder"})[1]["id"]
    common = {"schedule": SELDOM, "action": NOOP}
    red = karya.karya.submit({**common, "tags": ["find", "team:a"], "description": "Nightly Report (50%)"})
    green = karya.karya.submit({**common, "tags": ["find", "team:b"], "description": "nightly ÉTÉ"})
    blue = karya.karya.submit({**common, "tags": ["find"], "user_id": user})
    karya.karya.pause(green.id)
    done = karya.karya.submit({"action": NOOP, "tags": ["find", "team:a"]})
    karya.ended(done.id, 30)
    return dict(zip(NAMES, (red, green, blue, done), strict=True))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "done blue green red"),
        ({"tag": "team:a"}, "done red"),
        ({"status": "PAUSED"}, "green"),
        ({"status": "COMPLETED"}, "done"),
        ({"status": "ACTIVE"}, "blue red"),
        ({"text": "NIGHTLY"}, "green red"),
        ({"text": "été"}, "green"),
        ({"text": "(50%)"}, "red"),
        ({"text": ".*"}, ""),
        ({"tag": "team:a", "text": "report"}, "red"),
        ({"tag": "team"}, ""),
        ({"user_id": "@blue"}, "blue"),
        ({"created_after": "@green"}, "done blue green"),
        ({"created_before": "@green"}, "red"),
        ({"created_after": "@green", "created_before": "@done"}, "blue green"),
    ],
)
def test_what_a_search_finds(
    karya: Running, jobs: Mapping[str, JobView], query: Mapping[str, str], found: str
) -> None:
    def value(name: str, text: str) -> str:
        if not text.startswith("@"):
            return text
        job = jobs[text[1:]]
        return job.user_id or "" if name == "user_id" else format_instant(job.created_at)

    wanted = {"limit": "100", **{name: value(name, text) for name, text in query.items()}}
    status, page = karya.http("GET", f"/v1/jobs?{urlencode(wanted)}")
    ours = {job.id: name for name, job in jobs.items()}
    assert status == 200
    assert " ".join(ours[job["id"]] for job in page["jobs"] if job["id"] in ours) == found
    if "tag" in query:
        assert all(query["tag"] in job["tags"] for job in page["jobs"])


def test_pages_do_not_overlap_and_miss_nothing(karya: Running, jobs: Mapping[str, JobView]) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while not seen or cursor:
        page = karya.karya.list(tag="find", limit=1, cursor=cursor)
        seen += [job.id for job in page.jobs]
        cursor = page.next_cursor
    assert seen == [jobs[name].id for name in reversed(NAMES)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=BUSY", "status"),
        ("limit=0", "limit"),
        ("created_after=now", "created_after"),
        ("tags=a", "tags"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(karya: Running, query: str, field: str) -> None:
    status, problem = karya.http("GET", f"/v1/jobs?{query}")
    assert (status, problem["errors"][0]["field"]) == (422, field)
