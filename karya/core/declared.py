"""Declared jobs: what has to be done so that the stored ones are equal to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from karya.core.differences import Difference, changes, differences
from karya.core.errors import FieldError
from karya.core.job import LIVE_STATES, JobState
from karya.core.views import CheckedView

Key = tuple[str | None, str]
"""Whose job it is, and its name."""


class Kind(StrEnum):
    """What becomes of a job."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    PRUNE = "prune"
    OVER = "over"
    """Its last instant has passed before it was ever stored, or since its history expired: it is left out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one job. `version` is the one that was looked at; a deed on another one is refused."""

    kind: Kind
    name: str
    spec: Mapping[str, Any]
    """As declared; of one that is pruned, as stored."""
    stored: Mapping[str, Any] | None = None
    """As it is stored, of one that changes."""
    job_id: str | None = None
    version: int | None = None
    state: JobState | None = None

    @property
    def is_work(self) -> bool:
        """Whether there is something to do."""
        return self.kind in (Kind.CREATE, Kind.CHANGE, Kind.PRUNE)

    @property
    def key(self) -> Key:
        """Which job it is about."""
        return self.spec.get("user_id"), self.name

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What changes, field by field."""
        return () if self.stored is None else tuple(differences(self.stored, self.spec))

    @property
    def changes(self) -> dict[str, Any]:
        """The same as an update gives it."""
        return changes(self.stored or {}, self.spec)


def verdict(checked: CheckedView) -> Verdict:
    """What becomes of a declared job that is valid. Its set stays as it is where none is declared.

    One that has completed, and reads the same, has done what it was declared for. Otherwise it takes a new
    one, as after a cancel: a job that has ended cannot be changed.
    """
    spec, stored = checked.spec or {}, checked.namesake
    name = str(spec["name"])
    if stored is None:
        return Verdict(Kind.OVER if checked.over else Kind.CREATE, name, spec)
    if spec["set"] is None:
        spec = {**spec, "set": stored.spec.get("set")}
    if not any(differences(stored.spec, spec)):
        return Verdict(Kind.UNCHANGED, name, spec, None, stored.id, stored.version, stored.status)
    if stored.status not in LIVE_STATES:
        return Verdict(Kind.OVER if checked.over else Kind.CREATE, name, spec)
    return Verdict(Kind.CHANGE, name, spec, stored.spec, stored.id, stored.version, stored.status)


def pruned(stored: Iterable[Mapping[str, Any]], declared: Sequence[Verdict]) -> list[Verdict]:
    """Of the live jobs of a set, in their wire form, those that are not declared any more."""
    known = {one.key for one in declared}
    return [
        Verdict(Kind.PRUNE, job["name"], job, None, job["id"], job["version"], JobState(job["status"]))
        for job in stored
        if job["name"] is not None and (job["user_id"], job["name"]) not in known
    ]


def faults(spec: Mapping[str, Any]) -> list[FieldError]:
    """What a job may be and a declared one may not, as it was written: it needs a name to be known by, and an
    instant that does not depend on when it is applied."""
    errors = []
    if spec.get("name") is None:
        errors.append(FieldError("name", "required: a declared job is known by its name"))
    schedule = spec.get("schedule", {"kind": "once"})
    if isinstance(schedule, Mapping) and schedule.get("kind") == "once" and schedule.get("at") is None:
        field = "schedule.after" if "after" in schedule else "schedule"
        errors.append(FieldError(field, "a declared job that runs once needs an instant: give schedule.at"))
    return errors
