"""The target does as its paths say, and writes down what happened to each request."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.chaos.judge.facts import Arrival
from tests.chaos.records import TargetProcess
from tests.support.soon import soon


@pytest.fixture
def target(tmp_path: Path) -> Iterator[TargetProcess]:
    started = TargetProcess(tmp_path / "arrivals.jsonl")
    yield started
    started.stop()


ENDLESS = ("hang", "drip", "slow-9000", "flood")
"""What nobody waits for to the end."""


async def ask(target: TargetProcess, behaviour: str, attempt: int = 1, ident: str = "x") -> int | None:
    headers = {
        "webhook-id": ident,
        "karya-attempt": str(attempt),
        "karya-token": str(attempt + 1),
        "karya-instant": "2026-11-23T12:00:00.250Z",
    }
    url = f"{target.url}/job-1/main/{behaviour}"
    timeout = ClientTimeout(total=1 if behaviour in ENDLESS else 30)
    try:
        async with ClientSession(headers=headers, timeout=timeout) as session, session.get(url) as answer:
            await answer.content.readexactly(int(answer.headers.get("content-length", 1000)))
            return answer.status
    except (ClientError, TimeoutError, ConnectionError):
        return None


async def recorded(target: TargetProcess) -> Arrival:
    """The last one, once it has ended."""
    await soon(lambda: target.records.read() and not target.records.open)
    return target.records.read()[-1]


async def test_what_arrived_is_written_down(target: TargetProcess) -> None:
    assert await ask(target, "ok", attempt=3) == 200
    arrival = await recorded(target)
    assert (arrival.key, arrival.part, arrival.ident) == ("job-1", "main", "x")
    assert (arrival.attempt, arrival.token, arrival.status) == (3, 4, 200)
    assert arrival.instant == 1_795_435_200_250
    assert arrival.ended is not None
    assert arrival.at <= arrival.ended


async def test_failures_are_counted_for_each_id(target: TargetProcess) -> None:
    answers = [await ask(target, "fail-1", attempt, ident) for attempt in (1, 2) for ident in "ab"]
    assert answers == [503, 503, 200, 200]
    await recorded(target)
    assert [arrival.number for arrival in target.records.read()] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [("hang", None), ("drip", None), ("slow-9000", None), ("flood", 200), ("headers", 500), ("reset", 500)],
)
async def test_misbehaviour_is_written_down_as_what_it_comes_to(
    target: TargetProcess, behaviour: str, status: int | None
) -> None:
    assert await ask(target, behaviour) in (None, 200)
    assert (await recorded(target)).status == status
    assert await ask(target, "ok") == 200
