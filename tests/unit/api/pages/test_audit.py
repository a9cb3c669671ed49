"""The page of the audit: what is wrong is named, each by what it breaks and whose it is."""

import re

import pytest

from karya.core.audit.findings import Code
from karya.core.user import Role
from karya.core.views import FindingView
from tests.unit.api.pages.conftest import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_violations_are_listed_and_their_jobs_can_be_followed(visitor: Visitor) -> None:
    user_id = await visitor.sign_in("ann", Role.USER)
    service = visitor.memory.jobs
    spec = service.spec_type.model_validate({"action": {"type": "noop"}, "user_id": user_id})
    job_id = (await service.submit(spec)).id
    finding = {
        "code": Code.MISSING_INSTANT,
        "invariants": ("I2", "I5"),
        "job_id": job_id,
        "instant": "2026-11-23T08:00:00.000Z",
        "task_id": None,
        "text": "<b>neither</b> has a task nor lies in a skipped range",
    }
    service.wrong[job_id] = [FindingView.model_validate(finding)]
    status, page = await visitor.get("/ui/audit?prove=1")
    assert status == 200
    assert re.search(r'role="alert"><b>1 violation</b>', page)
    assert "Nothing is wrong" not in page
    (row,) = re.findall(r"<tr>(<td data-label=.Kind.*?)</tr>", page, re.DOTALL)
    assert Code.MISSING_INSTANT.value in row
    assert "I2, I5" in row
    assert f'href="/ui/jobs/{job_id}"' in row
    assert "2026-11-23" in row
    assert "&lt;b&gt;neither&lt;/b&gt;" in row


async def test_a_ledger_of_which_nothing_is_wrong(visitor: Visitor) -> None:
    await visitor.sign_in("ann", Role.USER)
    _, page = await visitor.get("/ui/audit?prove=1")
    assert "Nothing is wrong" in page
    assert "Violations" not in page
