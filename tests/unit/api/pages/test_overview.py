"""The overview and the page of workers: each figure where it belongs, and whose it is."""

import re
from datetime import timedelta
from typing import Any

import pytest

from karya.api.pages import overview
from karya.core.user import Role
from karya.core.views import Readiness
from karya.core.views.overview import PoolStanding, WorkerLoad
from tests.unit.api.pages.conftest import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

_TILES = {
    "running": "7",
    "due": "10,000+",
    "late": "3",
    "limited": "5",
    "limited_text": "wait for a limit, for 1 min 30 s",
    "failed": "2",
    "waiting": "4",
    "active": "6",
    "paused": "1",
    "next_hour": "66",
}


def _texts(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-text="(\w+)">([^<]*)<', page))


@pytest.fixture(autouse=True)
def _looks_each_time_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "_FRESH_SECONDS", -1.0)
    monkeypatch.setattr(overview, "_PATIENCE_SECONDS", 30.0)


def _stands(visitor: Visitor, **changes: Any) -> None:
    kept = visitor.memory.overview
    kept.view = kept.view.model_copy(update=changes)


async def test_each_tile_shows_its_own_figure(visitor: Visitor) -> None:
    _stands(visitor, limited_since=visitor.memory.overview.view.at - timedelta(seconds=90))
    await visitor.sign_in("root", Role.ADMIN)
    _, page = await visitor.get("/")
    assert _texts(page) == _TILES
    assert "scheduler-1" in page
    assert "of everybody" not in page, "all is theirs"


async def test_what_is_of_the_whole_cluster_is_said_to_be(visitor: Visitor) -> None:
    await visitor.sign_in("ann", Role.USER)
    _, page = await visitor.get("/")
    assert page.count("of everybody") == 3, "the queue, throughput and lag"


async def test_the_page_of_workers_shows_who_carries_what(visitor: Visitor) -> None:
    _stands(
        visitor,
        workers=(
            WorkerLoad(name="worker-1", pool="default", running=7, free=93),
            WorkerLoad(name="worker-2", pool="mail", running=10, free=0),
        ),
        pools=(
            PoolStanding(name="default", workers=1, running=7, free=93, waiting=0),
            PoolStanding(name="mail", workers=1, running=10, free=0, waiting=321),
        ),
    )
    visitor.memory.jobs.ready = Readiness(
        ready=False, reasons={"workers": "none of pool 'print' is connected"}
    )
    await visitor.sign_in("root", Role.ADMIN)
    _, page = await visitor.get("/ui/workers")
    assert [_cells(row) for row in re.findall(r"<tr>(<td.*?)</tr>", page, re.DOTALL)] == [
        ["default", "1", "7", "93", "0"],
        ["mail", "1", "10", "0", "321"],
        ["worker-1", "default", "7", "7", "93"],
        ["worker-2", "mail", "10", "10", "0"],
    ]
    assert 'max="100" value="7"' in page
    assert 'max="10" value="10"' in page
    assert "none of pool &#39;print&#39; is connected" in page


async def test_without_workers_it_says_what_to_do(visitor: Visitor) -> None:
    _stands(visitor, workers=(), leads=False)
    await visitor.sign_in("root", Role.ADMIN)
    _, page = await visitor.get("/ui/workers")
    assert "No worker is connected" in page
    assert "no leader answers" in page


def _cells(row: str) -> list[str]:
    return [
        re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
    ]
