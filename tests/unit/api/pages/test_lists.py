"""Every list on every page can be read to its end, page after page, each entry once."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import pytest
import pytest_asyncio
from starlette.routing import Mount, Route

from karya.api.app import create_app
from karya.api.pages.site import ROOT
from karya.core.errorlog import ErrorLog
from karya.core.settings import GatewaySettings
from karya.core.task import TaskState
from karya.core.user import Role
from tests.support.memory_services import MemoryServices
from tests.support.story import SECOND, at
from tests.unit.api.pages.conftest import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTS: Mapping[tuple[str, str], tuple[str, int]] = {
    ("/jobs", "jobs"): (r'class="name" href="/ui/jobs/([^"]+)"', 61),
    ("/dead-letters", "dead letters"): (r'class="name" href="/ui/tasks/([^"]+)"', 101),
    ("/jobs/{id}", "occurrences"): (r'<tr id="row-([^"]+)"', 302),
    ("/jobs/{id}", "open tasks"): (r'<li id="wait-([^"]+)"', 201),
    ("/jobs/{id}", "errors"): (r'<li id="error-([^"]+)"', 41),
    ("/tasks/{id}", "failed attempts"): (r'<li value="([^"]+)"', 41),
}
"""Page and list: how its entries are told apart, and how many the world has."""
ELSEWHERE = {
    ("/jobs/{id}", "history"): "test_history.py",
}
WITHOUT = {
    "/audit": "what was found in a part of the ledger; the next part is proved when somebody asks for it",
    "/": "figures, and the workers of the cluster",
    "/workers": "the workers of the cluster, as many as there are",
    "/jobs/new": "a form",
    "/jobs/{id}/edit": "a form",
    "/sign-in": "a form",
    "/jobs/{id}/part": "what changes on the page of a job",
    "/tasks/{id}/part": "what changes on the page of a task",
    "/live": "a stream",
    "/dead-letters/live": "a stream",
    "/dead-letters/count": "a figure",
    "/dead-letters/errors": "the 100 most frequent errors of the latest 10,000; it says where there are more",
    "/jobs/{id}/live": "a stream",
    "/{path:path}": "nothing",
}


@pytest_asyncio.fixture(loop_scope="module")
async def world(visitor: Visitor, job: dict[str, Any]) -> dict[str, str]:
    """Somebody with 61 jobs, one of which has 201 open tasks and 101 dead letters, and 41 attempts at one of
    its tasks that failed: the ids by the route."""
    memory, owner = visitor.memory.jobs, await visitor.sign_in("reader", Role.USER)
    spec = memory.spec_type.model_validate({**job, "user_id": owner})
    jobs = [await memory.submit(spec) for _ in range(61)]
    (task,) = memory.stored_tasks[jobs[0].id]
    for number in range(1, 302):
        dead = {"status": TaskState.DEAD, "finished_at": at(number), "error": "boom"} if number > 200 else {}
        ident, instant = f"{number:08}-0000-8000-8000-000000000000", task.instant + number * SECOND
        another = {"id": ident, "instant": instant, "cause": f"at:{instant.isoformat()}", **dead}
        memory.stored_tasks[jobs[0].id].append(task.model_copy(update=another))
    memory.logs = [
        ErrorLog.of(jobs[0].id, task.id, number, number, "step", f"error {number}", at(number))
        for number in range(41, 0, -1)
    ]
    return {"/jobs": "", "/dead-letters": "", "/jobs/{id}": jobs[0].id, "/tasks/{id}": task.id}


@pytest.mark.parametrize(("route", "what"), sorted(LISTS))
async def test_a_list_is_read_to_its_end(
    visitor: Visitor, world: dict[str, str], route: str, what: str
) -> None:
    found, path = list[str](), ROOT + route.format(id=world[route])
    pattern, many = LISTS[route, what]
    for _ in range(many):
        status, page = await visitor.get(path)
        assert status == 200
        found += re.findall(pattern, page)
        links = ways(page, what)
        if "next" not in links:
            break
        path = links["next"]
    assert len(found) == len(set(found)) == many
    assert links.keys() == {"first"}, "the last page leads back"
    assert (await visitor.get(links["first"]))[0] == 200


@pytest.mark.parametrize(("route", "what"), sorted(LISTS))
async def test_behind_the_end_a_way_leads_back(
    visitor: Visitor, world: dict[str, str], route: str, what: str
) -> None:
    path = ROOT + route.format(id=world[route])
    name = what if what == "errors" else "waits" if what == "open tasks" else "cursor"
    status, page = await visitor.get(f"{path}?{name}=9999")
    assert status == 200
    assert re.findall(LISTS[route, what][0], page) == []
    assert re.search(r'href="[^"]*">Back to the first</a>', page)
    assert "There is no job yet" not in page


@pytest.mark.parametrize(("route", "what"), sorted(LISTS))
async def test_a_cursor_of_no_list_is_told_as_such(
    visitor: Visitor, world: dict[str, str], route: str, what: str
) -> None:
    path = ROOT + route.format(id=world[route])
    name = what if what == "errors" else "waits" if what == "open tasks" else "cursor"
    for cursor in ("nonsense", "9" * 501):
        status, page = await visitor.get(f"{path}?{name}={cursor}")
        assert status == (200 if route in ("/jobs", "/dead-letters") else 422)
        assert "not a cursor" in page or "at most 500 characters" in page


async def test_the_lists_of_a_page_stay_where_they_are(visitor: Visitor, world: dict[str, str]) -> None:
    path = f"{ROOT}/jobs/{world['/jobs/{id}']}"
    _, page = await visitor.get(f"{path}?cursor=20&waits=100")
    assert ways(page, "errors")["next"] == f"{path}?cursor=20&waits=100&errors=20#part-errors"
    assert ways(page, "occurrences") == {
        "first": f"{path}?waits=100#part-runs",
        "next": f"{path}?cursor=40&waits=100#part-runs",
    }
    assert f'data-part="{path}/part?cursor=20&amp;waits=100"' in page


async def test_each_page_is_here(memory: MemoryServices) -> None:
    app = create_app(memory.services, GatewaySettings(), hub=None)  # type: ignore[arg-type]
    (mount,) = [route for route in app.routes if isinstance(route, Mount) and route.path == ROOT]
    routes = [route for route in mount.routes if isinstance(route, Route)]
    shown = {route.path for route in routes if "GET" in (route.methods or ())}
    assert shown == WITHOUT.keys() | {route for route, _ in (*LISTS, *ELSEWHERE)}


def ways(page: str, what: str) -> dict[str, str]:
    """The links of the pager of this list: `first` and `next`."""
    found = re.search(rf'aria-label="pages of {what}">(.*?)</nav>', page, re.DOTALL)
    links = re.findall(r'<a class="button"( rel="next")? href="([^"]*)"', found[1]) if found else []
    return {"next" if is_next else "first": unescape(link) for is_next, link in links}
