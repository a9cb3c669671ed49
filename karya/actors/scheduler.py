"""The singleton that turns instants into hints.

It may be killed at any point, and two may run at once for a while: all it decides is written by
idempotent inserts and guarded updates, and what it sends are hints.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice

import structlog

from karya.actors.inbox import Inbox
from karya.actors.metrics import SchedulerMetrics
from karya.actors.timetable import Timetable
from karya.core.errors import StoreUnavailable
from karya.core.hint import Hint
from karya.core.policies import MISFIRE_GRACE
from karya.core.ports import Admissions, Agenda, Clock, DueTask, Extension, Gap, LockLease, Locks, Producer
from karya.core.settings import SchedulerSettings
from karya.core.times import EPOCH

log = structlog.get_logger("karya.scheduler")

LOCK = "scheduler"
_CAPACITY = 10_000
_REST = 4
"""A scan from the start is followed by a rest of at least so many times its own length, however often
the scheduler is poked: reading must not crowd out dispatching."""
_CATCH_UP_SECONDS = 0.05
"""How often chains that are to make up for an outage are gone on with, at most."""

_CATCH_UP_BATCH = 500
_ADMITTED_AT_ONCE = 20
"""How many tasks that need a slot are asked about in one go: each may cost a transaction, and whatever else
is due waits as long."""

_STALLED_AFTER = timedelta(seconds=5)
_STALLED_BATCH = 500

_Position = tuple[datetime, str]
_START: _Position = (EPOCH, "")


class Scheduler:
    """Finds due tasks, makes what follows them, and offers them to the queue at their instant.

    `run` belongs in a thread of its own; others reach it through the inbox.
    """

    def __init__(
        self,
        owner: str,
        endpoint: str,
        inbox: Inbox,
        settings: SchedulerSettings,
        agenda: Agenda,
        admissions: Admissions,
        locks: Locks,
        producer: Producer,
        clock: Clock,
        metrics: SchedulerMetrics,
        sync_clock: Callable[[], object],
        is_dead: Callable[[str], bool],
    ) -> None:
        self._owner = owner
        self._endpoint = endpoint
        self._inbox = inbox
        self._settings = settings
        self._agenda = agenda
        self._admissions = admissions
        self._locks = locks
        self._producer = producer
        self._clock = clock
        self._metrics = metrics
        self._sync_clock = sync_clock
        self._is_dead = is_dead
        self._timetable = Timetable(_CAPACITY, settings.resend_after.total_seconds())
        self._lease: LockLease | None = None
        self._renew_at = self._lost_at = self._scan_at = self._rested_at = self._sweep_at = 0.0
        self._catch_up_at = 0.0
        self._unread_after: _Position | None = None
        self._unfinished: dict[str, None] = {}
        self._looked_to = EPOCH
        """What was due by then has been seen ahead, or by the leader before this one."""
        self._gap: Gap | None = None

    @property
    def leads(self) -> bool:
        """Whether this one holds the lock."""
        return self._lease is not None

    def run(self) -> None:
        """Schedules until it is stopped; while the store is away it tries again."""
        while not self._inbox.stopped:
            try:
                pause = self._turn()
            except StoreUnavailable as error:
                log.warning("store_unavailable", error=str(error))
                pause = self._settings.poll.total_seconds()
            self._inbox.wait(pause)
        self._resign()

    def _turn(self) -> float:
        """One round of work; returns how many seconds nothing is due."""
        if not self._lead():
            return self._settings.poll.total_seconds()
        self._timetable.put_back(self._inbox.take_returned())
        self._dispatch()
        self._look()
        if self._unfinished and self._clock.monotonic() >= self._catch_up_at:
            self._catch_up()
        if self._clock.monotonic() >= self._sweep_at:
            self._sweep()
        self._dispatch()
        return self._pause()

    def _lead(self) -> bool:
        now = self._clock.monotonic()
        ttl = self._settings.lease
        if self._lease is not None and now < self._renew_at:
            return True
        if self._lease is None or now >= self._lost_at or not self._locks.renew(self._lease, ttl):
            self._follow()
            self._bury_predecessor()
            self._lease = self._locks.acquire(LOCK, self._owner, ttl, {"endpoint": self._endpoint})
            if self._lease is not None:
                self._looked_to = self._lease.idle_since
                log.info("leading", owner=self._owner, token=self._lease.token, endpoint=self._endpoint)
        if self._lease is not None:
            self._sync_clock()
            self._renew_at = now + ttl.total_seconds() / 4
            self._lost_at = now + ttl.total_seconds()
        self._metrics.leader.set(self._lease is not None)
        return self._lease is not None

    def _bury_predecessor(self) -> None:
        """A holder that is known to be dead need not be waited for. Were that a mistake, two would lead for
        a while, which costs duplicate hints and nothing else."""
        holder = self._locks.holder(LOCK)
        if holder is not None and self._is_dead(holder.owner):
            log.info("predecessor_is_dead", owner=holder.owner)
            self._locks.release(LockLease(LOCK, holder.owner, holder.token))

    def _follow(self) -> None:
        """Forgets what it knew as leader: another may have gone on meanwhile."""
        self._lease = None
        self._timetable.clear()
        self._metrics.planned.set(0)
        self._unread_after = self._gap = None
        self._unfinished.clear()
        self._scan_at = self._rested_at = self._sweep_at = self._catch_up_at = 0.0

    def _resign(self) -> None:
        if self._lease is not None:
            try:
                self._locks.release(self._lease)
            except StoreUnavailable as error:
                log.warning("lock_not_released", error=str(error))

    def _look(self) -> None:
        """Reads what is due inside the look-ahead: from the start when it is time to (or when poked), else
        on from where the room ended."""
        now = self._clock.monotonic()
        if now >= self._scan_at or (self._is_poked() and now >= self._rested_at):
            self._inbox.forget_pokes()
            self._timetable.forget(now)
            self._notice_gap()
            looked_to = self._clock.now() + self._settings.look_ahead
            self._scan(after=None)
            self._looked_to = looked_to
            ended = self._clock.monotonic()
            self._metrics.fetch_seconds.observe(ended - now)
            self._rested_at = ended + _REST * (ended - now)
            self._scan_at = max(self._rested_at, ended + self._settings.poll.total_seconds())
        elif self._unread_after and self._timetable.room >= self._settings.batch:
            self._scan(after=self._unread_after)

    def _notice_gap(self) -> None:
        """What was due since anybody looked so far ahead was not seen by anybody; what a leader that is gone
        had seen died with it."""
        now = self._clock.now()
        if now - self._looked_to > MISFIRE_GRACE:
            self._gap = Gap(self._looked_to, now)

    def _is_poked(self) -> bool:
        """Whether a task was stored that is due before the next ordinary look would find it."""
        poked = self._inbox.earliest_poke()
        return poked is not None and poked <= self._clock.now() + self._settings.look_ahead

    def _scan(self, after: _Position | None) -> None:
        """Reads page by page, as far as there is room."""
        until = self._clock.now() + self._settings.look_ahead
        while (limit := min(self._settings.batch, self._timetable.room)) > 0:
            tasks = self._agenda.due(until, after, limit)
            self._plan(tasks, until)
            self._dispatch()
            if len(tasks) < limit:
                self._unread_after = None
                return
            after = (tasks[-1].hint.due_at, tasks[-1].hint.task_id)
        self._unread_after = after or _START

    def _plan(self, tasks: Sequence[DueTask], until: datetime) -> None:
        """Makes what follows the new ones, and only then takes them in: an occurrence that runs always has
        its successor in the store. Those that are misfired are left out."""
        fresh = [task for task in tasks if not self._timetable.knows(task.hint)]
        while fresh:
            gap = self._gap
            first_seen = [task for task in fresh if task.recurring or (gap is not None and gap.holds(task))]
            extension = Extension()
            if first_seen:
                extension = self._agenda.extend(first_seen, until, self._clock.now(), gap)
                self._note(extension)
            later = {t.hint.task_id for t in first_seen if t.hint.job_id in extension.contended}
            left_out = extension.dropped | later
            self._timetable.add(t.hint for t in fresh if t.hint.task_id not in left_out)
            fresh = self._within(extension, until)

    def _within(self, extension: Extension, until: datetime) -> list[DueTask]:
        """What was made and is due inside the look-ahead, as far as there is room."""
        return [task for task in extension.made if task.hint.due_at <= until][: self._timetable.room]

    def _note(self, extension: Extension) -> None:
        if extension.contended:
            log.warning("jobs_held_by_another", count=len(extension.contended))
        self._unfinished.update(dict.fromkeys(extension.unfinished))
        for policy, count in extension.misfired.items():
            self._metrics.misfired.labels(policy).inc(count)
        if extension.fired:
            self._inbox.poke(self._clock.now())

    def _catch_up(self) -> None:
        """Goes on with the chains that have more to make up for than is done at once."""
        started = self._clock.monotonic()
        if self._timetable.room > 0:
            some = list(islice(self._unfinished, _CATCH_UP_BATCH))
            until = self._clock.now() + self._settings.look_ahead
            extension = self._agenda.catch_up(some, until, self._clock.now())
            for job_id in set(some) - extension.contended:
                del self._unfinished[job_id]
            self._note(extension)
            self._plan(self._within(extension, until), until)
        ended = self._clock.monotonic()
        self._catch_up_at = ended + max(_CATCH_UP_SECONDS, _REST * (ended - started))

    def _dispatch(self) -> None:
        room = self._producer.room()
        if room > 0:
            due = self._timetable.pop_due(self._clock.now(), room, self._clock.monotonic())
            slotted = [hint for hint in due if hint.slotted]
            self._offer([hint for hint in due if not hint.slotted] if slotted else due)
            self._timetable.put_back(slotted[_ADMITTED_AT_ONCE:])
            if slotted:
                self._offer(self._admitted(slotted[:_ADMITTED_AT_ONCE]))

    def _offer(self, hints: Sequence[Hint]) -> None:
        if hints:
            self._producer.offer(hints)
            self._metrics.dispatched.inc(len(hints))

    def _admitted(self, hints: Sequence[Hint]) -> Sequence[Hint]:
        """Those whose occurrence holds the slot of its job; the others are offered when they are read
        again."""
        try:
            admission = self._admissions.admit(hints, self._clock.now())
        except StoreUnavailable:
            self._timetable.put_back(hints)
            raise
        self._timetable.take_back([*admission.waiting, *admission.dropped])
        self._metrics.overlapped.inc(admission.skipped)
        return admission.admitted

    def _sweep(self) -> None:
        now = self._clock.now()
        extension = self._agenda.stalled(now - _STALLED_AFTER, now, _STALLED_BATCH)
        mended = extension.moved - self._unfinished.keys()
        self._note(extension)
        if mended:
            log.warning("chains_mended", count=len(mended))
            self._metrics.mended.inc(len(mended))
        self._sweep_at = self._clock.monotonic() + self._settings.sweep.total_seconds()

    def _pause(self) -> float:
        now = self._clock.monotonic()
        pauses = [self._scan_at - now, self._renew_at - now]
        if self._is_poked():
            pauses.append(self._rested_at - now)
        if self._unfinished:
            pauses.append(self._catch_up_at - now)
        if self._unread_after and self._timetable.room >= self._settings.batch:
            pauses.append(0.0)
        next_due = self._timetable.next_due()
        if next_due is not None and self._producer.room() > 0:
            pauses.append((next_due - self._clock.now()).total_seconds())
        self._metrics.planned.set(len(self._timetable))
        return max(0.0, min(pauses))
