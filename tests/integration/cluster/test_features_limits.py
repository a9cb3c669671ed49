"""How many tasks of a key run at once, or start in a while, end to end: as their target sees it."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.running import Running
from tests.support.specs import ONCE, attempts, post, step
from tests.support.target import Exchange, Reply, Target, respond

pytestmark = pytest.mark.cluster


class Crowd:
    """Scripts for a target: they answer after a while, and know how many were there at once in all."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.counts: Counter[int] = Counter()

    def reply(self, status: int) -> Reply:
        """Answers so."""
        answer = respond(status, delay=0.3)

        async def script(exchange: Exchange) -> web.StreamResponse:
            self.now += 1
            self.counts[status] += 1
            self.most = max(self.most, self.now)
            try:
                return await answer(exchange)
            finally:
                self.now -= 1

        return script


def test_no_more_than_the_limit_run_at_once_whatever_becomes_of_them(karya: Running, target: Target) -> None:
    crowd = Crowd()
    limit = {"concurrency": {"key": "tenant", "limit": 3}}
    steps = [step(f"s{n}", post(target.at("/limit-steps", crowd.reply(200)))) for n in range(8)]
    one = karya.submit(steps=steps, **limit)
    fails = post(target.at("/limit-bad", crowd.reply(500)))
    others = [karya.submit(action=fails, retry=attempts(2), **limit) for _ in range(4)]
    free = karya.submit(action=post(target.at("/limit-free")))
    karya.ended(free, 30)
    for job in (one, *others):
        karya.ended(job, 30)
    assert crowd.counts == {200: 8, 500: 8}
    assert crowd.most == 3
    workers = {task.worker for job in (one, *others) for task in karya.karya.summary(job).tasks}
    assert len(workers) > 1


def test_what_waits_says_for_what_and_goes_on_when_the_seat_is_free(karya: Running, target: Target) -> None:
    gate, key = Gate(), {"concurrency": {"key": "tenant-42", "limit": 1}}
    held = karya.submit(action=post(target.at("/limit-why", gate.reply)), **key)
    eventually(lambda: target.calls_to("/limit-why"), 30, "the first one")
    waiting = karya.submit(action={"type": "noop"}, **key)

    def limited() -> list[Any]:
        waits = karya.http("GET", f"/v1/jobs/{waiting}/why")[1]["tasks"]
        return [wait for wait in waits if wait["kind"] == "limit"]

    (wait,) = eventually(limited, 30, "it to wait")
    assert wait["text"] == "waits for the concurrency key 'tenant-42': 1 of 1 running"
    assert karya.http("GET", f"/v1/jobs/{waiting}")[1]["concurrency"] == key["concurrency"]
    gate.open()
    karya.ended(waiting, 30)
    karya.ended(held, 30)


def test_a_cancel_frees_the_seat_and_an_update_changes_the_limit(karya: Running, target: Target) -> None:
    async def never(_: Exchange) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    limit = {"concurrency": {"key": "cancel", "limit": 1}}
    held = karya.submit(action=post(target.at("/limit-cancel", never)), **limit)
    eventually(lambda: target.calls_to("/limit-cancel"), 30, "the first one")
    raised = karya.submit(action={"type": "noop"}, **limit)
    waiting = karya.submit(action={"type": "noop"}, **limit)
    karya.karya.update(raised, concurrency={"key": "cancel", "limit": 2})
    karya.ended(raised, 30)
    karya.karya.cancel(held)
    karya.ended(waiting, 30)


def test_no_more_start_in_a_while_than_the_rate_allows(karya: Running, target: Target) -> None:
    action = post(target.at("/rate"))
    limit = {"rate": {"key": "tenant", "limit": 5, "per": "PT2S"}}
    job = karya.submit(steps=[step(f"s{n}", action) for n in range(15)], retry=ONCE, **limit)
    karya.ended(job, 30)
    assert len(target.calls_to("/rate")) == 15
    starts = sorted(task.started_at for task in karya.all_tasks(job) if task.started_at)
    apart = [later - start for start, later in zip(starts, starts[5:], strict=False)]
    assert len(apart) == 10
    assert min(apart) > timedelta(seconds=1), "claims count, and a start is up to a second behind its claim"


def test_an_error_names_the_field(karya: Running) -> None:
    status, problem = karya.http(
        "POST", "/v1/jobs", {"action": {"type": "noop"}, "rate": {"key": "k", "limit": 0, "per": "PT1S"}}
    )
    assert status == 422
    assert problem["errors"][0]["field"] == "rate.limit"
