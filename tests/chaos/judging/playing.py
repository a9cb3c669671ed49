"""Plays a scene as a faultless scheduler would: every run in time, every duplicate with a reason."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import count
from random import Random

from tests.chaos.judge.facts import HOOK, Arrival, Heard, History, Job, Limits, Step
from tests.chaos.judge.heard import DEAD, SUCCEEDED
from tests.chaos.judging.scenes import END, Scene


def played(scene: Scene, random: Random) -> History:
    """The history that comes of it."""
    player = _Player(scene, random)
    arrivals = [arrival for job in scene.jobs for arrival in player.job(job)]
    jobs = {job.key: job for job in scene.jobs}
    told = tuple(_heard(arrivals))
    return History(jobs, numbered(arrivals), END, scene.troubles, scene.drains, heard=told)


def _heard(arrivals: Collection[Arrival]) -> Iterator[Heard]:
    """One event of each end."""
    ends = {arrival.ident: DEAD for arrival in arrivals}
    ends |= {arrival.ident: SUCCEEDED for arrival in arrivals if arrival.succeeded}
    return (Heard(f"{number}", kind, ident) for number, (ident, kind) in enumerate(ends.items()))


def numbered(arrivals: list[Arrival]) -> tuple[Arrival, ...]:
    """In the order in which they came."""
    ordered = sorted(arrivals, key=lambda arrival: arrival.at)
    return tuple(replace(arrival, number=number) for number, arrival in enumerate(ordered))


class _Player:
    def __init__(self, scene: Scene, random: Random) -> None:
        self._random = random
        self._troubles = scene.troubles
        self._drains = scene.drains
        self._limits = Limits()
        self._idents = count(1)

    def job(self, job: Job) -> Iterator[Arrival]:
        assert job.created is not None and job.acked is not None
        ended = job.acked
        for instant in job.schedule.instants(job.created):
            begin = self._begin(job, instant)
            if instant >= END - 60_000 or begin is None:
                continue
            for arrival in self._occurrence(job, instant, begin):
                ended = max(ended, arrival.ended or 0)
                yield arrival
        yield from self._ending(job, ended)

    def _begin(self, job: Job, instant: int) -> int | None:
        """When an instant starts; None when it does not, because of a cancel or a pause."""
        assert job.acked is not None
        begin = max(instant, job.acked) + self._random.randrange(self._limits.patience)
        for trouble in self._troubles:
            if trouble.start <= begin <= trouble.end:
                begin = trouble.end + self._random.randrange(1_000)
        for pause in job.pauses:
            if pause.began.at <= instant <= pause.possible[1]:
                return None
            if begin >= pause.began.at and instant < pause.began.at:
                begin = max(begin, pause.possible[1] + self._random.randrange(1_000))
        return None if job.cancel is not None and begin >= job.cancel.at else begin

    def _occurrence(self, job: Job, instant: int, begin: int) -> Iterator[Arrival]:
        ends: dict[str, int] = {}
        for step in job.steps:
            if job.outcomes[step.name] == "SKIPPED":
                ends[step.name] = max((ends[name] for name in step.after), default=begin)
                continue
            start = self._unpaused(job, max((ends[name] for name in step.after), default=begin))
            if start is None:
                return
            ident = f"id-{next(self._idents)}"
            made = list(self._attempts(job, step, ident, instant, start))
            ends[step.name] = max((each.ended or 0 for each in made), default=start)
            if step.visible:
                yield from made
            if made[-1].succeeded or (made[-1].status == 503 and made[-1].attempt >= step.max_attempts):
                yield from self._hooks(
                    job, "ON_FAILURE" if step.dies else "ON_SUCCESS", ident, ends[step.name]
                )

    def _unpaused(self, job: Job, start: int) -> int | None:
        for pause in job.pauses:
            if pause.began.at <= start <= pause.possible[1]:
                start = pause.possible[1] + 1
        return None if job.cancel is not None and start >= job.cancel.at else start

    def _attempts(self, job: Job, step: Step, ident: str, instant: int, begin: int) -> Iterator[Arrival]:
        failures = step.max_attempts if step.dies else self._random.choice((0, 0, 0, 1, 2))
        at, claims, attempt = begin, self._random.randrange(2), 0
        while True:
            attempt += 1
            ended = at + self._random.randrange(300)
            while self._is_drained(ended):
                claims += self._random.randrange(1, 3)
                yield Arrival(0, job.key, step.name, ident, attempt, claims, instant, at, ended, None)
                resumed = self._unpaused(job, ended + self._random.randrange(500))
                if resumed is None:
                    return
                at, ended = resumed, resumed + self._random.randrange(300)
            fails = attempt <= failures
            fate = 503 if fails else 200
            cut = not fails and attempt < 4 and self._in_trouble(at, ended) and self._random.random() < 0.5
            status = self._random.choice((None, 200)) if cut else fate
            claims += self._random.randrange(1, 3)
            yield Arrival(0, job.key, step.name, ident, attempt, claims, instant, at, ended, status)
            if not cut and (not fails or attempt >= step.max_attempts):
                return
            following = self._unpaused(job, ended + step.delay + self._random.randrange(500))
            if following is None:
                return
            at = following

    def _is_drained(self, ended: int) -> bool:
        return any(d.start <= ended <= d.end for d in self._drains) and self._random.random() < 0.3

    def _in_trouble(self, at: int, ended: int) -> bool:
        return any(t.start <= ended and t.end >= at for t in self._troubles)

    def _hooks(self, job: Job, trigger: str, about: str, at: int) -> Iterator[Arrival]:
        if trigger in job.hooks:
            at += self._random.randrange(500)
            ident = f"id-{next(self._idents)}"
            yield Arrival(0, job.key, HOOK + trigger, ident, 1, 1, at, at, at + 5, 200, about)

    def _ending(self, job: Job, ended: int) -> Iterator[Arrival]:
        if job.cancel is not None:
            assert job.cancel.acked is not None
            yield from self._hooks(job, "ON_CANCELLED", job.key, job.cancel.acked)
        else:
            yield from self._hooks(job, "ON_COMPLETION", job.key, ended)
