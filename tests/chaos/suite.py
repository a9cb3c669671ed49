"""One run of the suite: a cluster, a workload, faults by plan, and the judgement."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.audit import audited
from tests.chaos.client import Client, now
from tests.chaos.cluster import ClusterUnderTest
from tests.chaos.conductor import Conductor
from tests.chaos.ear import Ear
from tests.chaos.faults.base import Fault, Injection
from tests.chaos.judge.facts import FOR_EVER, Drain, History, Trouble
from tests.chaos.judge.judge import judge
from tests.chaos.judge.schedules import Cron
from tests.chaos.judge.verdict import Kind, Verdict
from tests.chaos.records import Starved, TargetProcess
from tests.chaos.recovery import Felt
from tests.chaos.resources import Growth, Sampler
from tests.chaos.rig import Rig
from tests.chaos.soak import EVERY, WARM_UP, soaked
from tests.chaos.soak import SETTINGS as SOAKING
from tests.chaos.stages import Stage
from tests.chaos.timing import LEASE
from tests.chaos.workload.clients import MIXED, Workload
from tests.chaos.workload.mix import Mix
from tests.chaos.workload.owners import make_owners

Tell = Callable[[str], None]

_QUIESCE = 60.0
_LISTENS = 20.0
_SETTLE = 3.0
_LOOK = 2.0
_STARVED = round(LEASE * 1000 / 4)


@dataclass(frozen=True)
class Programme:
    """What is to be played: `faults`, and those again until `minutes` have passed. When soaking, one a
    minute, and memory is judged too."""

    seed: int
    faults: Sequence[Fault]
    rate: float = MIXED
    minutes: float = 0.0
    soaking: bool = False


@dataclass(frozen=True)
class Outcome:
    """All that a run came to. `complaints` are what is wrong beyond the verdict."""

    seed: int
    stage: str
    injections: Sequence[Injection]
    history: History
    verdict: Verdict
    felt: Felt
    quiesced: float
    """How many seconds after the last submit the last request came."""
    growth: Sequence[Growth]
    starved: Sequence[Starved]
    complaints: Sequence[str]
    logs: Sequence[str]
    """Where the actors have written what they had to say."""

    @property
    def good(self) -> bool:
        """Whether nothing at all is wrong."""
        return self.verdict.good and not self.complaints


async def perform(stage: Stage, programme: Programme, tell: Tell) -> Outcome:
    """Plays the programme on a cluster in the home of the stage, and judges."""
    target = TargetProcess(stage.home / "arrivals.jsonl")
    cluster = ClusterUnderTest(stage.home)
    try:
        tell("starting the cluster")
        settings = await asyncio.to_thread(stage.start)
        cluster.configure({**settings, **(SOAKING if programme.soaking else {})})
        await asyncio.to_thread(cluster.start)
        async with Client(cluster.url) as client:
            mix = Mix(Random(programme.seed), await make_owners(client))
            workload = Workload(mix, client, target.url, programme.rate, stage.wave)
            return await _Run(Rig(stage, cluster, target, client, workload), programme, tell).outcome()
    finally:
        await asyncio.to_thread(cluster.kill_everything)
        await asyncio.to_thread(stage.stop)
        target.stop()


class _Run:
    def __init__(self, rig: Rig, programme: Programme, tell: Tell) -> None:
        self._rig = rig
        self._programme = programme
        self._tell = tell
        self._conductor = Conductor(rig, Random(programme.seed), tell)
        self._ear = Ear(rig.cluster.url)

    async def outcome(self) -> Outcome:
        sampler = Sampler(self._rig.cluster)
        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(sampler.run())
            listening = group.create_task(self._ear.run())
            await asyncio.wait_for(self._ear.listens.wait(), _LISTENS)
            working = group.create_task(self._rig.workload.run())
            await self._play()
            self._rig.workload.stop()
            await working
            stopped = now()
            await self._quiesce()
            sampling.cancel()
            listening.cancel()
        growth = sampler.growth(WARM_UP if self._programme.soaking else 0.0)
        return await asyncio.to_thread(self._judged, stopped, growth)

    async def _play(self) -> None:
        if self._programme.soaking:
            await self._conductor.soak(self._programme.faults, EVERY)
        else:
            await self._conductor.play(self._programme.faults, self._programme.minutes)

    async def _quiesce(self) -> None:
        """Waits until nothing is missing any more, but not for ever; then for what is not to come."""
        self._tell("waiting for what is still to come")
        begun = time.monotonic()
        while time.monotonic() < begun + _QUIESCE:
            verdict = await asyncio.to_thread(judge, self._history())
            if not verdict.of(Kind.LOST, Kind.UNHEARD):
                break
            await asyncio.sleep(_LOOK)
        await asyncio.sleep(_SETTLE)

    def _history(self) -> History:
        troubles = [_trouble(each) for each in self._conductor.injections if each.fault.excuses]
        troubles += map(_starvation, self._rig.target.records.starved)
        drains = [_drain(each) for each in self._conductor.injections if each.fault.orderly]
        jobs, arrivals = dict(self._rig.workload.jobs), tuple(self._rig.arrivals())
        heard = tuple(self._ear.heard)
        return History(jobs, arrivals, now(), tuple(troubles), tuple(drains), heard=heard)

    def _judged(self, stopped: int, growth: Sequence[Growth]) -> Outcome:
        history = self._history()
        quiesced = last_arrival(history, stopped) / 1000
        injections, felt = self._conductor.injections, Felt(history)
        complaints = [
            f"{each.fault.name}: {note}"
            for each in injections
            for note in (*each.notes, *each.fault.found_in(each, history), *_beyond_bound(each, felt))
        ]
        complaints += [f"the place of a listener was not kept: {place}" for place in self._ear.gone]
        complaints += soaked(growth, quiesced) if self._programme.soaking else []
        complaints += audited(self._rig.cluster, self._tell)
        return Outcome(
            self._programme.seed,
            self._rig.stage.name,
            injections,
            history,
            judge(history),
            felt,
            quiesced,
            growth,
            self._rig.target.records.starved,
            complaints,
            tuple(self._rig.cluster.logs),
        )


def last_arrival(history: History, stopped: int) -> int:
    """How many milliseconds after the last submit the last request came, but for those of cron jobs: they
    come with the full minute."""
    by_the_minute = {key for key, job in history.jobs.items() if isinstance(job.schedule, Cron)}
    arrivals = [arrival.at for arrival in history.arrivals if arrival.key not in by_the_minute]
    return max([stopped, *arrivals]) - stopped


def _trouble(injection: Injection) -> Trouble:
    """A fault excuses what happens until its bound, but no longer than until the next one."""
    end = max(injection.bound_at, injection.healed_at, injection.since)
    return Trouble(injection.injected_at, min(end, injection.over_at or end))


def _drain(injection: Injection) -> Drain:
    return Drain(injection.injected_at, injection.healed_at or FOR_EVER)


def _starvation(starved: Starved) -> Trouble:
    """A machine that runs nobody for a while may cost leases, as a stopped process would."""
    lost = round(LEASE * 1000) if starved.late > _STARVED else 0
    return Trouble(starved.at - starved.late, starved.at + lost)


def _beyond_bound(injection: Injection, felt: Felt) -> Sequence[str]:
    beyond = felt.lasted(injection) / 1000 - injection.fault.bound
    return [f"felt for {beyond:.1f} s longer than its bound"] if beyond > 0 else []
