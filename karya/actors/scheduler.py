"""The singleton that turns instants into hints.

It may be killed at any point, and two may run at once for a while: all it decides is written by
idempotent inserts and guarded updates, and what it sends are hints.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import islice

import structlog

from karya.actors.fairly import FairReader
from karya.actors.handing import Handing
from karya.actors.inbox import Inbox
from karya.actors.lane import START, Lane, Look
from karya.actors.leading import Leadership
from karya.actors.looking import Reader
from karya.actors.metrics import SchedulerMetrics
from karya.actors.waking import Waking
from karya.core.errors import StoreUnavailable
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import (
    Admissions,
    Agenda,
    Clock,
    DueTask,
    Extension,
    Limits,
    Producer,
)
from karya.core.settings import SchedulerSettings
from karya.core.words import some

log = structlog.get_logger("karya.scheduler")

_CAPACITY = 10_000
_STAND_BY_SECONDS = 0.25
"""How often one that does not lead tries to, at least: so long a gap is left by one that resigns."""

_REST = 4
"""A look is followed by a rest of so many times its own length, however often the scheduler is
poked: reading must not crowd out dispatching. But what was read lasts for the look-ahead only."""
_CATCH_UP_SECONDS = 0.05
"""How often chains that are to make up for an outage are gone on with, at most."""

_FULL_SECONDS = 0.2
"""How often to see, while something is due for which the queue has no room, whether what it holds is still no
more than workers take soon."""

_CATCH_UP_BATCH = 500
_PAGE, _PAGE_OF_MANY = 500, 250
"""How many tasks of one pool are read, or jobs caught up with, in one go; fewer where there are several
pools. So long nothing is handed over, and it is less than hints are ahead of their instants."""

_STALLED_AFTER = timedelta(seconds=5)
_STALLED_BATCH = 500


class Scheduler:
    """Finds due tasks, makes what follows them, and offers them to the queue at their instant.

    `run` belongs in a thread of its own; others reach it through the inbox.
    """

    def __init__(
        self,
        leadership: Leadership,
        inbox: Inbox,
        settings: SchedulerSettings,
        agenda: Agenda,
        admissions: Admissions,
        limits: Limits,
        producer: Producer,
        clock: Clock,
        metrics: SchedulerMetrics,
        pools: Collection[str] = (DEFAULT_POOL,),
    ) -> None:
        self._inbox = inbox
        self._settings = settings
        self._agenda = agenda
        self._producer = producer
        self._clock = clock
        self._metrics = metrics
        self._leadership = leadership
        resend_after = settings.resend_after.total_seconds()
        self._lanes = {pool: Lane(pool, _CAPACITY, resend_after) for pool in pools}
        self._page = min(settings.batch, _PAGE_OF_MANY if len(self._lanes) > 1 else _PAGE)
        self._waking = Waking(limits, clock)
        self._handing = Handing(producer, admissions, self._waking, clock, metrics)
        self._reader = Reader(agenda, settings.batch, self._page)
        self._fair = FairReader(agenda)
        self._sweep_at = self._catch_up_at = 0.0
        self._unfinished: dict[str, None] = {}

    @property
    def leads(self) -> bool:
        """Whether this one holds the lock."""
        return self._leadership.holds

    def due(self, pool: str) -> int:
        """How many tasks of the pool it knows to be due and has not handed over. From any thread."""
        return self._lanes[pool].timetable.count(self._clock.now())

    def run(self) -> None:
        """Schedules until it is stopped; while the store is away it tries again."""
        while not self._inbox.stopped:
            try:
                pause = self._turn()
            except StoreUnavailable as error:
                log.warning("store_unavailable", error=str(error))
                pause = self._settings.poll.total_seconds()
            self._inbox.wait(pause)
        self._leadership.resign()

    def _turn(self) -> float:
        """One round of work; returns how many seconds nothing is due."""
        if not self._lead():
            return min(_STAND_BY_SECONDS, self._settings.poll.total_seconds())
        self._hear()
        self._handing.over(self._lanes.values())
        self._wake()
        self._look()
        if self._unfinished and self._clock.monotonic() >= self._catch_up_at:
            self._catch_up()
        if self._clock.monotonic() >= self._sweep_at:
            self._sweep()
        self._handing.over(self._lanes.values())
        return self._pause()

    def _hear(self) -> None:
        returned, told, poked = self._inbox.take_returned(), self._inbox.take_told(), self._inbox.take_poke()
        for lane in self._lanes.values():
            lane.timetable.put_back(hint for hint in returned if hint.pool == lane.pool)
            if poked is not None:
                lane.poke(poked)
        if poked is not None:
            self._waking.hear()
        if told:
            until = self._clock.now() + self._settings.look_ahead
            for lane in self._lanes.values():
                self._plan(lane, lane.told(told), until)

    def _wake(self) -> None:
        """Those that waited for a limit and may go are due now."""
        due_at = self._waking.look()
        if due_at is not None:
            for lane in self._lanes.values():
                lane.poke(due_at)

    def _lead(self) -> bool:
        if self._leadership.is_fresh or self._leadership.renew():
            return True
        self._follow()
        lease = self._leadership.take()
        if lease is not None:
            for lane in self._lanes.values():
                lane.looked_to = lease.idle_since
        self._metrics.leader.set(lease is not None)
        return lease is not None

    def _follow(self) -> None:
        """Forgets what it knew as leader: another may have gone on meanwhile."""
        for lane in self._lanes.values():
            lane.forget()
        self._metrics.planned.set(0)
        self._unfinished.clear()
        self._sweep_at = self._catch_up_at = 0.0

    def _look(self) -> None:
        """Reads one page of each pool at which to look: those of the others never wait for more than that."""
        for lane in self._lanes.values():
            look, lane.look = lane.look or self._begun(lane), None
            if look is not None:
                self._read(lane, look)
            if self._fair.is_time(lane, self._clock.monotonic()):
                self._read_fairly(lane)

    def _begun(self, lane: Lane) -> Look | None:
        """The look that it is time for, if any."""
        until = self._clock.now() + self._settings.look_ahead
        monotonic = self._clock.monotonic()
        if monotonic >= lane.begins_at(until):
            return lane.begin(until, self._clock.now(), monotonic)
        if lane.unread_after and lane.timetable.room >= self._page:
            return Look(until, lane.unread_after, goes_on=True)
        return None

    def _read(self, lane: Lane, look: Look) -> None:
        """Reads a page as far as there is room. The look is dropped when this fails, and begins anew."""
        if lane.timetable.room == 0:
            lane.unread_after = look.after or START
            self._rest(lane, look)
            return
        started = self._clock.monotonic()
        page = self._reader.page(lane, look)
        for part in page.parts:
            self._plan(lane, part, look.until)
            self._handing.over(self._lanes.values())
        look.after = page.last or look.after
        look.seconds += self._clock.monotonic() - started
        if page.more:
            lane.look = look
        else:
            lane.unread_after = None
            self._rest(lane, look)

    def _read_fairly(self, lane: Lane) -> None:
        started = self._clock.monotonic()
        until = self._clock.now() + self._settings.look_ahead
        self._plan(lane, self._fair.read(lane, until), until)
        ended = self._clock.monotonic()
        self._fair.rest(lane, ended, self._rest_after(ended - started))

    def _rest(self, lane: Lane, look: Look) -> None:
        if look.goes_on:
            return
        ended = self._clock.monotonic()
        lane.rest(look, ended + self._rest_after(look.seconds), ended + self._settings.poll.total_seconds())
        self._metrics.fetch_seconds.observe(look.seconds)

    def _rest_after(self, took: float) -> float:
        """How long not to read after reading for so long; no longer than what was read can last. A look that
        the store kept waiting has not kept anything busy, and afterwards there is most to do."""
        return min(_REST * took, max(0.0, self._settings.look_ahead.total_seconds() - took))

    def _plan(self, lane: Lane, fresh: Sequence[DueTask], until: datetime) -> None:
        """Makes what follows the new ones, and only then takes them in: an occurrence that runs always has
        its successor in the store. Those that are misfired are left out."""
        gap, now = lane.gap, self._clock.now()
        while fresh:
            first_seen = [task for task in fresh if task.recurring or (gap is not None and gap.holds(task))]
            extension = Extension()
            if first_seen:
                extension = self._agenda.extend(first_seen, until, now, gap)
                self._note(extension, now)
            later = {t.hint.task_id for t in first_seen if t.hint.job_id in extension.contended}
            left_out = extension.dropped | later
            lane.timetable.add(t.hint for t in fresh if t.hint.task_id not in left_out)
            fresh = self._within(lane, extension)

    def _within(self, lane: Lane, extension: Extension) -> list[DueTask]:
        """What was made for the pool, as far as there is room."""
        made = (task for task in extension.made if task.hint.pool == lane.pool)
        return [task for task in made if not lane.timetable.knows(task.hint)][: lane.timetable.room]

    def _note(self, extension: Extension, now: datetime) -> None:
        if extension.contended:
            jobs = sorted(extension.contended)
            log.warning("jobs_held_by_another", jobs=some(jobs), count=len(jobs))
        self._unfinished.update(dict.fromkeys(extension.unfinished))
        for policy, count in extension.misfired.items():
            self._metrics.misfired.labels(policy).inc(count)
        if extension.fired:
            self._inbox.poke(now)

    def _catch_up(self) -> None:
        """Goes on with the chains that have more to make up for than is done at once."""
        started = self._clock.monotonic()
        if any(lane.timetable.room > 0 for lane in self._lanes.values()):
            some = list(islice(self._unfinished, min(_CATCH_UP_BATCH, self._page)))
            now = self._clock.now()
            until = now + self._settings.look_ahead
            extension = self._agenda.catch_up(some, until, now)
            for job_id in set(some) - extension.contended:
                del self._unfinished[job_id]
            self._note(extension, now)
            for lane in self._lanes.values():
                self._plan(lane, self._within(lane, extension), until)
        ended = self._clock.monotonic()
        self._catch_up_at = ended + max(_CATCH_UP_SECONDS, self._rest_after(ended - started))

    def _sweep(self) -> None:
        now = self._clock.now()
        extension = self._agenda.stalled(now - _STALLED_AFTER, now, _STALLED_BATCH)
        weights = self._agenda.weights()
        for lane in self._lanes.values():
            lane.timetable.weights = weights
        mended = extension.moved - self._unfinished.keys()
        self._note(extension, now)
        self._waking.suspect()
        if mended:
            log.warning("chains_mended", jobs=some(sorted(mended)), count=len(mended))
            self._metrics.mended.inc(len(mended))
        self._sweep_at = self._clock.monotonic() + self._settings.sweep.total_seconds()

    def _pause(self) -> float:
        now = self._clock.monotonic()
        lanes = self._lanes.values()
        pauses = [self._leadership.renew_at - now, *(self._pause_of(lane, now) for lane in lanes)]
        pauses += [lane.fair_at - now for lane in lanes if lane.unread_after is not None]
        if self._unfinished:
            pauses.append(self._catch_up_at - now)
        if self._waking.look_at is not None:
            pauses.append(self._waking.look_at - now)
        self._metrics.planned.set(sum(len(lane.timetable) for lane in lanes))
        return max(0.0, min(pauses))

    def _pause_of(self, lane: Lane, now: float) -> float:
        if lane.look or (lane.unread_after and lane.timetable.room >= self._page):
            return 0.0
        pause = lane.begins_at(self._clock.now() + self._settings.look_ahead) - now
        moment = lane.timetable.next_moment()
        if moment is None:
            return pause
        full = 0.0 if self._producer.room(lane.pool) else _FULL_SECONDS
        return min(pause, max(full, (moment - self._clock.now()).total_seconds()))
