"""A worker: claims hinted tasks, runs many at once, and hands every outcome to the reporter.

Killed at any point, it loses nothing: what it had claimed comes back when its leases expire.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from time import perf_counter

import structlog

from karya.actors.attempt import Held, Stop, interrupted, lateness, perform, result_text
from karya.actors.credit import Credit
from karya.actors.filling import filled_in
from karya.actors.leases import ASK_AGAIN_SECONDS, START_FOR, Leases
from karya.actors.logs import subject
from karya.actors.metrics import WorkerMetrics
from karya.actors.reporter import Report, Reporter
from karya.core.action import ActionText
from karya.core.errorlog import shorten
from karya.core.errors import StoreUnavailable
from karya.core.hint import Hint
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import ActionRunner, Claims, Clock, Commit, Consumer
from karya.core.ports.traces import Traces
from karya.core.reasons import reason_of
from karya.core.settings import WorkerSettings
from karya.core.template import TemplateError
from karya.core.times import ceil_millis
from karya.core.transitions import Attempt, Move, Transition, decide, release
from karya.core.words import some

log = structlog.get_logger("karya.worker")


class Worker:
    """One member of the pool, running at most `slots` tasks at once."""

    def __init__(
        self,
        owner: str,
        settings: WorkerSettings,
        consumer: Consumer,
        claims: Claims,
        reporter: Reporter,
        actions: ActionRunner,
        clock: Clock,
        metrics: WorkerMetrics,
        traces: Traces | None = None,
    ) -> None:
        self.owner = owner
        self._settings = settings
        self._consumer = consumer
        self._claims = claims
        self._reporter = reporter
        self._actions = actions
        self._clock = clock
        self._metrics = metrics
        self._traces = traces
        self._credit = Credit(settings.slots, consumer, metrics.running, metrics.credit)
        self._leases = Leases(claims, settings.lease, clock)
        self._draining = False

    async def run(self) -> None:
        """Takes and runs tasks until it is cancelled, or drained. What has limits is claimed beside the rest,
        which does not wait for it: others may be claiming under the same key."""
        self._credit.tell()
        async with asyncio.TaskGroup() as aside:
            while not self._draining:
                hints = await self._consumer.receive()
                if self._draining:
                    self._consumer.put_back(hints)
                    break
                self._credit.received(len(hints))
                if limited := [hint for hint in hints if hint.limits is not None]:
                    aside.create_task(self._take(limited), name="claim under limits")
                    hints = [hint for hint in hints if hint.limits is None]
                if hints:
                    await self._take(hints)

    async def _take(self, hints: Sequence[Hint]) -> None:
        """Claims what is hinted and begins what it won; what it wins while it drains goes back."""
        with self._credit.claiming(len(hints)):
            try:
                asked_at, asked = self._clock.monotonic(), self._clock.now()
                self._waited(hints, asked)
                claims = await self._claims.claim(hints, self.owner, self._settings.lease)
            except StoreUnavailable as error:
                tasks = some(hint.task_id for hint in hints)
                log.warning("claim_failed", tasks=tasks, count=len(hints), error=str(error))
                return
            self._metrics.claim_seconds.observe(self._clock.monotonic() - asked_at)
            self._metrics.refused.inc(len(hints) - len(claims))
            for claim in claims:
                start_by = max(claim.hint.due_at, asked) + START_FOR
                self._begin(Held(claim, self.owner, asked_at + self._leases.trust, start_by))

    def _waited(self, hints: Sequence[Hint], now: datetime) -> None:
        self._metrics.claim_tasks.observe(len(hints))
        observe = self._metrics.queue_wait_seconds.observe
        for hint in hints:
            observe(max((now - hint.due_at).total_seconds(), 0.0))

    def _begin(self, held: Held) -> None:
        self._leases.add(held)
        self._credit.began()
        held.running = asyncio.create_task(self._attempt(held), name=f"attempt {held.task_id}")
        if self._draining:
            held.stop(Stop.HANDED_BACK)

    async def _attempt(self, held: Held) -> None:
        """One attempt, however it ends. Nobody awaits it: what is not logged here would be lost."""
        subject.set(held)
        try:
            await self._perform_and_report(held)
        except Exception:
            log.exception("attempt_broke")

    async def _perform_and_report(self, held: Held) -> None:
        """The story of one attempt."""
        held.begun = True
        try:
            outcome = await self._perform(held)
        finally:
            held.ended = True
            self._leases.remove(held)
            self._credit.ended()
        with self._credit.reporting():
            await self._report(held, outcome)

    async def _perform(self, held: Held) -> Outcome | None:
        action = held.claim.action
        try:
            if held.claim.hint.templated and held.stopped is None:
                action = await self._filled_in(held)
            await self._leases.wait_until_it_may_start(held)
        except TemplateError as error:
            self._trace(held, action, self._clock.now(), performed=False)
            return Failure(shorten(str(error)), permanent=True, code="template")
        except asyncio.CancelledError:
            if held.stopped is None:
                raise
        if held.stopped is not None:
            return interrupted(held)
        now = self._clock.now()
        held.started_at = ceil_millis(now)
        self._metrics.start_lag_seconds.observe(lateness(held, now))
        self._trace(held, action, now)
        began = perf_counter()
        try:
            return await perform(held, action, self._actions)
        finally:
            self._metrics.attempts.ran(action, perf_counter() - began)

    def _trace(self, held: Held, action: ActionText, now: datetime, *, performed: bool = True) -> None:
        if self._traces is not None:
            held.trace = self._traces.attempt(held.claim.hint, action, now, performed=performed)

    async def _filled_in(self, held: Held) -> ActionText:
        """The action with its templates filled in. While the results that go into it cannot be read it is
        tried again, as long as the lease lasts: nothing has been started yet, so no attempt has failed."""
        while True:
            try:
                return await filled_in(held.claim, self._claims)
            except StoreUnavailable as error:
                log.warning("filling_in_delayed", error=str(error))
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _report(self, held: Held, outcome: Outcome | None) -> None:
        transition, ended_at = self._transition(held, outcome), self._clock.now()
        if transition is None:
            self._metrics.lost.inc()
        kept = transition if transition is not None and await self._stored(held, transition) else None
        if held.trace is not None:
            held.trace.end(outcome, kept, ended_at)
        self._metrics.attempts.ended(held.claim.action, outcome, kept.move if kept else None)
        if kept is None:
            log.warning("attempt_lost")
        elif isinstance(outcome, Failure):
            self._tell(held, outcome, kept.move)

    async def _stored(self, held: Held, transition: Transition) -> bool:
        """Whether the lease was still ours when the outcome was to be stored."""
        hint = held.claim.hint
        seat = hint.limits.seat if hint.limits else None
        trace = held.trace.own if held.trace else None
        commit = Commit(
            held.task_id, held.claim.lease_id, transition, linked=hint.linked, seat=seat, trace=trace
        )
        return await self._reporter.report(Report(hint, commit, held.trusted_until))

    def _tell(self, held: Held, failure: Failure, move: Move) -> None:
        """What the failure says is left out: it quotes answers of targets, which may hold anything. It is
        stored with the task, for its owner."""
        log.log(
            logging.WARNING if move is Move.BURY else logging.INFO,
            "attempt_failed",
            connector=self._metrics.attempts.connector_of(held.claim.action),
            reason=reason_of(failure),
            dead=move is Move.BURY,
        )

    def _transition(self, held: Held, outcome: Outcome | None) -> Transition | None:
        if outcome is None:
            return release("the worker was stopped") if held.stopped is Stop.HANDED_BACK else None
        hint = held.claim.hint
        result = result_text(outcome.result) if isinstance(outcome, Success | Failure) else None
        attempt = Attempt(hint.task_id, hint.attempt, hint.retry, held.started_at, hint.due_at)
        return decide(attempt, outcome, result, ceil_millis(self._clock.now()))

    async def keep_leases(self) -> None:
        """Renews the leases of what runs until it is cancelled."""
        await self._leases.keep()

    async def drain(self) -> None:
        """Takes nothing more, lets what runs finish within the grace period, hands back the rest."""
        self._draining = True
        self._credit.close()
        try:
            async with asyncio.timeout(self._settings.grace.total_seconds()):
                await self._credit.idle.wait()
        except TimeoutError:
            self.hand_back()
            await self._credit.idle.wait()

    def hand_back(self) -> None:
        """Takes nothing more, stops what runs and hands it back; a drain under way then ends."""
        self._draining = True
        self._credit.close()
        self._leases.stop_all(Stop.HANDED_BACK)
