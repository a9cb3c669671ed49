"""Cron expressions of five fields, read by cronsim."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from karya.core.schedule.walls import WallClock, Walls

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, L for the last day, LW for the last one from Monday to Friday",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 (0 and 7 are Sunday) or SUN-SAT, MON#2 for the second Monday, 5L for the last Friday",
}
_ANY_DATE = datetime(2000, 1, 1)


def _fields(expression: str) -> str:
    """The five fields that the expression means."""
    return ALIASES.get(expression.strip().lower(), expression)


def _checked(expression: str) -> str:
    if expression.strip().startswith("@") and _fields(expression) not in ALIASES.values():
        raise ValueError(_unknown_alias(expression.strip().lower()))
    fields = _fields(expression).split()
    if len(fields) in (6, 7):
        raise ValueError(
            "cron has five fields and no seconds; for runs within a minute use "
            '{"kind": "interval", "every": "PT10S"}'
        )
    if len(fields) != 5:
        raise ValueError(
            "write five fields: minute hour day-of-month month day-of-week, such as '30 2 * * *', or @daily"
        )
    for number, (name, range_) in enumerate(_FIELDS.items()):
        if not _is_valid(" ".join(field if at == number else "*" for at, field in enumerate(fields))):
            raise ValueError(f"the {name} field {fields[number]!r} is not valid: {range_}, with * , - and /")
    if not _is_valid(" ".join(fields)) or next(_walls(" ".join(fields), _ANY_DATE), None) is None:
        raise ValueError("this expression never fires: no month has such a day")
    return expression


def _unknown_alias(alias: str) -> str:
    if alias == "@reboot":
        return '@reboot has no meaning here: for one run now use {"kind": "once"}'
    return f"write five fields, or one of {', '.join(ALIASES)}"


def _is_valid(expression: str) -> bool:
    try:
        CronSim(expression, _ANY_DATE)
    except CronSimError:
        return False
    return True


def _walls(expression: str, after: datetime) -> Iterator[datetime]:
    """The walls of the five fields; none when the next one is more than fifty years away."""
    return CronSim(expression, after)


class Cron(WallClock):
    """Instants at which the clock of the timezone (default UTC) matches five fields or an alias.

    Daylight saving: a job of fixed hours runs once for each time that it names. If a gap skips that time it
    runs right after the gap (the first moment that exists; the last one before when that would be another
    day); if a fold shows it twice, the first time. So a daily job runs on every local day exactly once; a
    day that the zone skips as a whole (Apia, 2011-12-30) has none. A job whose hour field begins with `*`
    (and names more than one hour) follows real time: it runs whenever the clock matches, in a fold both
    times, in a gap not. `start_at` may itself be an instant. Days of month and week follow Debian's cron:
    when neither field begins with `*`, one of them suffices.
    """

    kind: Literal["cron"] = "cron"
    expression: Annotated[str, Field(max_length=200), AfterValidator(_checked)]

    @property
    def real_time(self) -> bool:
        """Whether the hour field is a wildcard."""
        hour = _fields(self.expression).split()[1]
        hours = CronSim(_fields(self.expression), _ANY_DATE).hours
        return len(hours) == 24 or (hour.startswith("*") and len(hours) > 1)

    def walls(self, anchor: datetime) -> Walls:  # noqa: ARG002
        """The walls that match the expression."""
        return lambda after: _walls(_fields(self.expression), after)
