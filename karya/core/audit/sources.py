"""What a hook says of where it comes from, in its cause."""

from dataclasses import dataclass
from datetime import UTC, datetime

from karya.core.audit.records import TaskRecord

_PREFIX = "hook:"
_MISFIRED = "misfired"


@dataclass(frozen=True, slots=True)
class Source:
    """The task, or the job, that fired it; `what` is the token of the task, or what became of the job.
    Of a misfire, `first` is the first instant that was skipped."""

    id: str
    what: str
    number: int
    first: datetime | None = None


def source_of(hook: TaskRecord) -> Source | None:
    """The source that the hook names; None when its cause names none."""
    parts = hook.cause.removeprefix(_PREFIX).split("/")
    if not hook.cause.startswith(_PREFIX) or not parts[-1].isdecimal():
        return None
    match parts:
        case [ident, what, number]:
            return Source(ident, what, int(number))
        case [ident, what, first, number] if what == _MISFIRED:
            at = _instant(first)
            return Source(ident, what, int(number), at) if at else None
        case _:
            return None


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
