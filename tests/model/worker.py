"""A worker, told what to do step by step, so that it may sleep or die between any two."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from karya.actors.leases import START_FOR
from karya.actors.reporter import Report
from karya.core.errors import StoreUnavailable
from karya.core.hint import Hint
from karya.core.ports import Commit
from tests.model.acts import Held, Said, Word
from tests.model.attempted import Attempted, Phase
from tests.model.ledger import Execution, Ledger
from tests.model.world.ports import Answers
from tests.model.world.world import World

LEASE = timedelta(seconds=20)
_TRUST = LEASE * 0.9


@dataclass
class Worker:
    """As `karya.actors.worker`, its loops taken apart; it reports through the real Reporter."""

    owner: str
    world: World
    ledger: Ledger
    attempts: list[Attempted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers = Answers(self.world.commits)
        self.reporter = self.world.reporter(self.answers)

    def those(self, phase: Phase) -> list[Attempted]:
        """What it has in this phase."""
        return [one for one in self.attempts if one.phase is phase]

    async def claim(self, hints: Sequence[Hint]) -> None:
        """Claims what it is hinted at; what it does not hear of is not its own."""
        now = self.world.time.now
        try:
            claims = await self.world.claims.claim(hints, self.owner, LEASE)
        except StoreUnavailable:
            return
        for claim in claims:
            start_by = max(claim.hint.due_at, now) + START_FOR
            self.attempts.append(Attempted(claim, now + _TRUST, start_by))

    async def start(self) -> None:
        """Starts what has come due; whoever is late asks first."""
        now = self.world.time.now
        due = [one for one in self.those(Phase.CLAIMED) if one.claim.hint.due_at <= now]
        if late := [one for one in due if now >= one.start_by]:
            await self._renew(late, starting=True)
        for one in due:
            if one.phase is Phase.CLAIMED and now < one.start_by and one in self.attempts:
                self._begin(one)

    def _begin(self, one: Attempted) -> None:
        hint, one.phase = one.claim.hint, Phase.STARTED
        execution = Execution(one.claim.lease_id, one.trusted_until)
        self.ledger.started(hint.task_id, hint.token + 1, hint.attempt, execution)

    async def renew(self) -> None:
        """Keeps what it holds, and lets go of what it has lost."""
        await self._renew([one for one in self.attempts if one.phase is not Phase.ENDED])

    async def _renew(self, some: Sequence[Attempted], *, starting: bool = False) -> None:
        now = self.world.time.now
        leases = dict(one.held for one in some)
        try:
            renewal = await self.world.claims.renew(leases, LEASE, starting=starting)
        except StoreUnavailable:
            for one in some:
                if one.trusted_until < now + LEASE / 20:
                    self.let_go(one)
            return
        for one in some:
            task_id, lease_id = one.held
            if task_id in renewal.lost or leases[task_id] != lease_id:
                self.let_go(one)
            elif task_id in renewal.cancelled:
                self.end(one, Said.STOPPED)
            elif starting and task_id in renewal.held:
                self.end(one, Said.RELEASED)
            else:
                self._trust(one, now, starting=starting)

    def _trust(self, one: Attempted, now: datetime, *, starting: bool) -> None:
        one.trusted_until = now + _TRUST
        if starting:
            one.start_by = now + START_FOR
        for execution in self.ledger.executions[one.held[0]]:
            if execution.lease == one.claim.lease_id:
                execution.trusted_until = one.trusted_until

    def end(self, one: Attempted, said: Said) -> None:
        """The action has come to something, or was stopped."""
        one.end(said, self.world.time.now)
        self.ledger.stopped(*one.held)

    def let_go(self, one: Attempted) -> None:
        """It is no longer its own, or never was."""
        self.ledger.stopped(*one.held)
        if one in self.attempts:
            self.attempts.remove(one)

    def die(self) -> None:
        """Without a word."""
        for one in list(self.attempts):
            self.let_go(one)
        self.reporter = self.world.reporter(self.answers)

    def reporting(self) -> dict[Held, Word]:
        """What it is about to report."""
        return {one.held: one.word for one in self.those(Phase.ENDED) if one.word is not None}

    async def report(self, one: Attempted) -> bool:
        """Reports an outcome, once: the real one tries again for as long as it may."""
        assert one.transition is not None
        hint = one.claim.hint
        seat = hint.limits.seat if hint.limits else None
        commit = Commit(hint.task_id, one.claim.lease_id, one.transition, linked=hint.linked, seat=seat)
        kept = await self.reporter.report(Report(hint, commit, self.world.clock.monotonic()))
        if kept:
            self.let_go(one)
        return kept
