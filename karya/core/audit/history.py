"""What was done to a job over time, put in order: its versions, its pauses, and how far back all is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from karya.core.audit.chains import Epoch, line_of
from karya.core.audit.records import JobRecord, Steer
from karya.core.expiry import shortest
from karya.core.outline import Outline
from karya.core.ports.lifecycle import ChangeKind
from karya.core.times import EPOCH

_TURNS = frozenset({ChangeKind.PAUSED, ChangeKind.RESUMED, ChangeKind.CANCELLED})
"""What changes the state of a job."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version, in force from `since` (None: not known) until `until` (None: still)."""

    number: int
    since: datetime | None
    until: datetime | None
    outline: Outline
    made_by: Steer | None


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause, `until` the job was resumed (None: it lasts)."""

    since: datetime
    until: datetime | None

    def holds(self, instant: datetime) -> bool:
        """Whether the instant passed in it."""
        return self.since <= instant and (self.until is None or instant <= self.until)


class History:
    """Of a job with these `steers`, the oldest first. One that is not `is_sound` contradicts the job: then
    only the present version is known."""

    def __init__(self, job: JobRecord, steers: Sequence[Steer], *, is_whole: bool = True) -> None:
        self._steers = steers
        self._is_whole = is_whole
        updates = sorted((s for s in steers if s.kind is ChangeKind.UPDATED), key=lambda s: s.version)
        self.is_sound = _is_sound(job, updates, is_whole=is_whole)
        self.updates = updates if self.is_sound else []
        self.versions = list(_versions(job, self.updates, is_whole=self.is_sound and is_whole))
        self.line = line_of(list(self._epochs()), job.created_at, job.cursor)
        turns = list(_turns(steers))
        self.pauses = list(_pauses(turns))
        self.skips = _times(steers, ChangeKind.SKIPPED_NEXT)
        self.resumes = _times(steers, ChangeKind.RESUMED)
        self.changes = _times(steers, ChangeKind.UPDATED)
        self.standing = turns[-1].kind if turns else None

    def version(self, number: int) -> Version | None:
        """This version; None when it is not known."""
        place = number - self.versions[0].number
        return self.versions[place] if 0 <= place < len(self.versions) else None

    def in_force(self, around: datetime, margin: timedelta) -> Sequence[Version]:
        """The versions that were in force at about this time."""
        return [
            version
            for version in self.versions
            if (version.since or EPOCH) <= around + margin
            and (version.until is None or version.until >= around - margin)
        ]

    def complete_after(self, now: datetime) -> datetime:
        """All instants after this one must be on record. Up to and including it records may be gone: their
        retention, also that of an earlier version, may have run out, or what was done to the job is not known
        so far back."""
        gone = [
            min(version.until or now, now) - shortest(version.outline.retention) for version in self.versions
        ]
        if not self.is_sound:
            gone.append(now)
        elif not self._is_whole:
            gone.append(self._steers[0].at)
        return max(gone)

    def _epochs(self) -> Iterator[Epoch]:
        """Without that of the oldest known version, unless it is the first: where its chain began is not
        known."""
        first = self.versions[0]
        if first.since is not None:
            yield Epoch(first.number, first.outline.schedule, None)
        for old, new in pairwise(self.versions):
            if new.outline.schedule != old.outline.schedule:
                yield Epoch(new.number, new.outline.schedule, new.made_by)


def _is_sound(job: JobRecord, updates: Sequence[Steer], *, is_whole: bool) -> bool:
    """Whether each version is there once, with all that its update must tell."""
    numbers = [update.version for update in updates]
    oldest = 2 if is_whole else job.version - len(updates) + 1
    told = all(update.outline and update.before and update.after for update in updates)
    return told and numbers == list(range(oldest, job.version + 1))


def _versions(job: JobRecord, updates: Sequence[Steer], *, is_whole: bool) -> Iterator[Version]:
    since = job.created_at if is_whole else None
    made_by: Steer | None = None
    for update in updates:
        if update.outline is not None:
            yield Version(update.version - 1, since, update.at, update.outline, made_by)
        since, made_by = update.at, update
    yield Version(job.version, since, None, job.outline, made_by)


def _turns(steers: Sequence[Steer]) -> Iterator[Steer]:
    """What changed the state of the job, in order. Of what was done within one millisecond the record does
    not tell the order: then it is the one that makes sense."""
    left = [steer for steer in steers if steer.kind in _TURNS]
    is_paused = False
    while left:
        together = [steer for steer in left if steer.at == left[0].at]
        follows = ChangeKind.RESUMED if is_paused else ChangeKind.PAUSED
        turn = min(together, key=lambda s: (s.kind is ChangeKind.CANCELLED, s.kind is not follows))
        left.remove(turn)
        is_paused = turn.kind is ChangeKind.PAUSED
        yield turn


def _pauses(turns: Sequence[Steer]) -> Iterator[Pause]:
    since: datetime | None = None
    for steer in turns:
        if steer.kind is ChangeKind.PAUSED:
            since = steer.at
        elif steer.kind in (ChangeKind.RESUMED, ChangeKind.CANCELLED) and since is not None:
            yield Pause(since, steer.at)
            since = None
    if since is not None:
        yield Pause(since, None)


def _times(steers: Sequence[Steer], kind: ChangeKind) -> frozenset[datetime]:
    return frozenset(steer.at for steer in steers if steer.kind is kind)
