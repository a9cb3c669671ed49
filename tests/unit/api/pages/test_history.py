"""The history on the page of a job is there as a whole, a part at a time."""

import re
from html import unescape

import pytest

from karya.core.user import Role
from tests.unit.api.pages.conftest import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_history_goes_on_where_the_page_ends(visitor: Visitor, job: dict[str, object]) -> None:
    owner = await visitor.sign_in("historian", Role.USER)
    jobs = visitor.memory.services.jobs
    job_id = (await jobs.submit(jobs.spec_type.model_validate({**job, "user_id": owner}))).id
    for _ in range(20):
        await jobs.pause(job_id)
        await jobs.resume(job_id)
    whole = [change.kind for change in (await jobs.versions(job_id, cursor=None, limit=100)).changes]
    path, kinds = f"/ui/jobs/{job_id}?cursor=0", list[str]()
    for _ in range(2):
        status, page = await visitor.get(path)
        assert status == 200
        kinds += re.findall(r'<li id="change-[^"]*-([a-z]+)">', page)
        links = [unescape(link) for link in re.findall(r'href="([^"]*)#part-history"', page)]
        path = links[-1]
    assert kinds == whole
    assert links == [f"/ui/jobs/{job_id}?cursor=0"], "the last part leads back, and nowhere else"
    assert (await visitor.get(f"/ui/jobs/{job_id}?history=nonsense"))[0] == 422
