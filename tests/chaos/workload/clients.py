"""The clients: each submits one job, and steers it until it has ended."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from tests.chaos.client import Client, Refused, Told, now
from tests.chaos.judge.facts import Asked, Job, Pause
from tests.chaos.workload.draft import Draft, chained, millis
from tests.chaos.workload.mix import LIFE, Mix

MIXED = 40.0
"""About how many tasks a second the waves and the pulse make, with ten seconds from one wave to the next."""


class Workload:
    """Submits wave after wave until it is stopped. `jobs` is what the judge goes by, always up to date."""

    def __init__(self, mix: Mix, client: Client, target: str, rate: float, wave: float) -> None:
        """`wave` is how many seconds there are from one wave of jobs to the next."""
        self.jobs: dict[str, Job] = {}
        self._mix = mix
        self._client = client
        self._target = target
        self._steady = max(0.0, rate - MIXED) * wave * 1000 / LIFE
        self._wave = wave
        self._stopping = asyncio.Event()
        self._clients: set[asyncio.Task[None]] = set()
        self.pulse = mix.pulse(now())

    async def run(self) -> None:
        """Until `stop`, and then until every client is done."""
        self._begin(self._beat())
        while not self._stopping.is_set():
            begun = time.monotonic()
            drafts = [
                *self._mix.wave(now()),
                *self._mix.steady(now(), self._steady),
            ]
            for draft in drafts:
                self._begin(self.serve(draft))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wave - (time.monotonic() - begun)):
                    await self._stopping.wait()
        while self._clients:
            await asyncio.wait(self._clients)

    def stop(self) -> None:
        """No further job."""
        self._stopping.set()

    async def serve(self, draft: Draft) -> None:
        """One job from its submit to its end, as far as its client has a part in it."""
        sent = now()
        self._note(draft, draft.facts(sent, None, None))
        tries = 1 if draft.impatient else None
        with self._heeding(draft):
            told = await self._client.post("/v1/jobs", draft.spec(self._target), tries=tries)
            if told.acked is not None:
                created = millis(told.answer["created_at"])
                self._note(draft, draft.facts(told.sent, told.acked, created))
                await self._steer(draft, told.answer["id"])

    @contextmanager
    def _heeding(self, draft: Draft) -> Iterator[None]:
        """A refusal ends it: it came too late for its own end, another has its name, or it has ended."""
        try:
            yield
        except Refused:
            job = self.jobs[draft.key]
            if job.name is not None and job.acked is None:
                self._note(draft, replace(job, refused=True))

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._clients.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._clients.discard(task)
        task.result()

    def _note(self, draft: Draft, job: Job) -> None:
        self.jobs[draft.key] = job
        if draft.child is not None:
            self.jobs[draft.child.key] = chained(job, draft.child)

    async def _beat(self) -> None:
        """The pulse lives as long as the workload."""
        await self.serve(self.pulse)

    async def _steer(self, draft: Draft, ident: str) -> None:
        steering, begun = draft.steering, time.monotonic()

        async def when(seconds: float) -> None:
            await asyncio.sleep(seconds - (time.monotonic() - begun))

        if draft is self.pulse:
            await self._stopping.wait()
            await self._cancel(draft, ident)
        if steering.trigger_after is not None:
            await when(steering.trigger_after)
            await self._trigger(draft, ident)
        if steering.pause_after is not None and steering.resume_after is not None:
            await when(steering.pause_after)
            await self._pause(draft, ident)
            await when(steering.resume_after)
            await self._resume(draft, ident)
        if steering.cancel_after is not None:
            await when(steering.cancel_after)
            await self._cancel(draft, ident)

    async def _ask(self, ident: str, what: str) -> Told:
        return await self._client.post(f"/v1/jobs/{ident}/{what}")

    async def _trigger(self, draft: Draft, ident: str) -> None:
        told = await self._ask(ident, "trigger")
        ran = (millis(told.answer["instant"]), told.acked or 0)
        self._note(draft, replace(self.jobs[draft.key], triggers=(ran,)))

    async def _pause(self, draft: Draft, ident: str) -> None:
        before = self.jobs[draft.key]
        self._note(draft, replace(before, pauses=(Pause(Asked(now(), None)),)))
        try:
            told = await self._ask(ident, "pause")
        except Refused:
            self._note(draft, before)
            raise
        self._note(draft, replace(before, pauses=(Pause(Asked(told.sent, told.acked)),)))

    async def _resume(self, draft: Draft, ident: str) -> None:
        job = self.jobs[draft.key]
        told = await self._ask(ident, "resume")
        self._note(draft, replace(job, pauses=(replace(job.pauses[0], ended=Asked(told.sent, told.acked)),)))

    async def _cancel(self, draft: Draft, ident: str) -> None:
        before = self.jobs[draft.key]
        self._note(draft, replace(before, cancel=Asked(now(), None)))
        try:
            told = await self._ask(ident, "cancel")
        except Refused:
            self._note(draft, before)
            raise
        self._note(draft, replace(before, cancel=Asked(told.sent, told.acked)))
