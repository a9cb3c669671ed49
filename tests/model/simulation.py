"""One example: the world, what the model makes of it, and everybody who acts in it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Protocol, TypeVar

from karya.core.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from tests.model.acts import Act
from tests.model.ledger import Ledger
from tests.model.rules import judge, limits, turns
from tests.model.snapshot import LIVE
from tests.model.worker import Worker
from tests.model.world.faults import Fault, Pause
from tests.model.world.world import World

T = TypeVar("T")

REFUSED = (Conflict, InvalidInput, NotFound)
WORKERS, SCHEDULERS = 3, 2


class Step(Protocol):
    """Something that happens. One that `parks` may wait for time to pass."""

    parks: ClassVar[bool]

    @property
    def actors(self) -> frozenset[str]:
        """Who does it, and one thing at a time; nobody when there are any number of them."""

    def run(self, sim: "Simulation") -> Awaitable[None] | None:
        """Does it, inside one or more `sim.acting`."""


@dataclass(frozen=True)
class Meanwhile:
    """Another step, before operation number `at` of a step."""

    at: int
    step: Step


@dataclass
class _Parked:
    task: asyncio.Task[Any]
    until: asyncio.Future[None]
    act: Act
    done: Callable[[asyncio.Task[Any]], object]


class Simulation:
    """Runs steps one after the other and holds each against the ledger."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ledger = Ledger(lambda: self.world.time.now)
        self.workers = [self._worker(number) for number in range(WORKERS)]
        self.owners = [f"s{number}" for number in range(SCHEDULERS)]
        self.schedulers = [self.world.scheduler(owner) for owner in self.owners]
        self.is_sweeping = False
        self._last_turn: tuple[str, Set[str]] = "", frozenset()
        self.resumed: Counter[str] = Counter()
        """How often somebody asked that a job goes on."""
        self.world.faults.sender = lambda: self._acts[-1]
        self.world.offers.watch = lambda hints: turns.handed_over(self.ledger, hints)
        self.world.offers.in_turn = lambda hints: turns.had_turns(self.ledger, hints)
        self._acts: list[Act] = []
        self._parked: list[_Parked] = []

    def _worker(self, number: int) -> Worker:
        return Worker(f"w{number}", self.world, self.ledger)

    # --- steps -------------------------------------------------------------------------------------------

    def do(self, step: Step, fault: Fault | None = None, meanwhile: Meanwhile | None = None) -> None:
        """One step, in which something may go wrong, and something else may happen."""
        pause = None
        if meanwhile is not None and _may_meet(step, meanwhile.step):
            pause = Pause(meanwhile.at, lambda: self._meanwhile(meanwhile.step))
        self.world.faults.arm(fault, pause)
        try:
            running = step.run(self)
            if running is not None:
                self.wait(running)
        finally:
            self.world.faults.disarm()

    def wait(self, running: Awaitable[T]) -> T:
        """Lets the loop run until this is done."""
        return self.world.loop.run_until_complete(running)

    async def _meanwhile(self, step: Step) -> None:
        if self._acts:
            self.observe(self._acts[-1])
        with self.world.faults.suspended():
            running = step.run(self)
            if running is not None:
                await running

    @contextmanager
    def acting(self, act: Act) -> Iterator[None]:
        """Whatever changes in here must follow from this act."""
        self._acts.append(act)
        yield
        self._acts.pop()
        self.observe(act)

    def observe(self, act: Act) -> None:
        """Looks, if anything was written since the last look."""
        if self.world.faults.wrote:
            self.world.faults.wrote = False
            judge.observe(self.ledger, act, self.world.snapshot())

    async def call(self, act: Act, ask: Callable[[], Awaitable[T]], *, again: bool) -> T | None:
        """A call of a client; one that hears nothing asks once more, or leaves it at that. None when it was
        refused, or not answered."""
        with self.acting(act):
            try:
                try:
                    return await ask()
                except StoreUnavailable:
                    if not again:
                        return None
                    self.world.faults.disarm()
                    return await ask()
            except REFUSED:
                return None

    async def park(
        self, act: Act, running: Awaitable[Any], done: Callable[[asyncio.Task[Any]], object]
    ) -> None:
        """Goes on with this until it is done, or waits for time to pass; in the end `done` is told."""
        await self._go_on(act, asyncio.ensure_future(running), done)

    async def _go_on(
        self, act: Act, task: asyncio.Task[Any], done: Callable[[asyncio.Task[Any]], object]
    ) -> None:
        with self.acting(act):
            until = await self.world.time.until_parked(task)
        if until is None:
            done(task)
        else:
            self.ledger.moves[f"{act.kind} waits"] += 1
            self._parked.append(_Parked(task, until, act, done))

    async def resume(self) -> None:
        """Time has passed: those go on who waited for it."""
        for one in list(self._parked):
            if one.until.done():
                self._parked.remove(one)
                await self._go_on(one.act, one.task, one.done)

    def turned(self, owner: str, overlooked: Set[str]) -> None:
        """A scheduler that leads has had a turn without trouble. In the second one in a row it sees what was
        overlooked before the first."""
        last_owner, before = self._last_turn
        still = limits.overlooked(self.ledger) & overlooked
        forgotten = still & before if owner == last_owner else frozenset()
        assert not forgotten, f"at {self.ledger.now} there is room, and nobody is let go: {forgotten}"
        self._last_turn = owner, still

    def goes_on(self, job_id: str) -> None:
        """Somebody asks that a job goes on, paused or not."""
        self.resumed[job_id] += 1
        self.ledger.books[job_id].paused = False

    def late(self) -> Iterator[tuple[Act, Callable[[], Awaitable[object]]]]:
        """The requests that were given up and are still on their way, each once."""
        late = self.world.faults.late
        while late:
            yield late.pop(0)

    def abandon(self) -> None:
        """The example is over."""
        for one in self._parked:
            one.task.cancel()
        self.wait(asyncio.sleep(0))

    # --- what there is to act upon -----------------------------------------------------------------------

    def live(self) -> Sequence[str]:
        """Jobs that have not ended, and those that have completed: they may have descendants."""
        return [ident for ident, job in self.ledger.seen.jobs.items() if job["status"] != "CANCELLED"]

    def active(self) -> int:
        """How many jobs have not ended."""
        return sum(job["status"] in LIVE for job in self.ledger.seen.jobs.values())

    def dead_letters(self) -> Sequence[str]:
        """Tasks that somebody may redrive or discard."""
        return [ident for ident, task in self.ledger.seen.tasks.items() if task["status"] == "DEAD"]

    def tally(self) -> Mapping[str, int]:
        """What happened, in figures."""
        faults, seen = self.world.faults, self.ledger.seen
        return {
            "jobs": len(self.ledger.books),
            "tasks": len(seen.tasks) + len(self.ledger.gone),
            "starts": self.ledger.starts,
            **{f"cut {cut.value}": count for cut, count in faults.injected.items()},
            "interruptions": faults.interrupted,
            **self.ledger.moves,
        }

    def pass_by(self, duration: timedelta) -> None:
        """Time passes."""
        self.world.time.pass_by(duration)


def _may_meet(step: Step, other: Step) -> bool:
    return not (step.parks and other.parks) and step.actors.isdisjoint(other.actors)


def pick(items: Sequence[T], number: int) -> T | None:
    """One of them, the same for the same number."""
    return items[number % len(items)] if items else None
