"""RFC 5545 recurrence rules."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice, takewhile
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from karya.core.schedule.rrule_text import DAY_SECONDS, LONGEST_RULE, UNIT_SECONDS, Rule, parse_rule
from karya.core.schedule.rrule_walls import rule_walls
from karya.core.schedule.walls import WallClock, Walls, instants_of
from karya.core.schedule.zones import day_start, instant_of, local, zone_of
from karya.core.times import LATEST, MILLISECOND, format_instant

_ANY_DATE = datetime(2000, 1, 1)
_SECOND = timedelta(seconds=1)


def _checked(text: str) -> str:
    # DTSTART is not known yet, so INTERVAL cannot count: whether it ever meets the rest, `first` finds out.
    rule = replace(parse_rule(text), interval=1)
    if next(rule_walls(rule, _ANY_DATE, _ANY_DATE), None) is None:
        raise ValueError("this rule never fires: no day, or no place of BYSETPOS, meets all of its parts")
    return text


class Rrule(WallClock):
    """The instances of an RFC 5545 RRULE in the local time of the timezone (default UTC).

    DTSTART is `start_at`, else the submission cut to whole seconds; what the rule leaves out comes from it,
    INTERVAL counts from it, and so does COUNT (which includes what lies before the submission, and what
    is excluded; `max_runs` includes neither). `start_at` itself is an instant if it meets the rule.
    Daylight saving follows the rule of Cron: HOURLY, MINUTELY and SECONDLY without BYHOUR, below a day,
    follow real time; all others run at fixed times. A rule that pauses for more than a hundred years is over.
    """

    kind: Literal["rrule"] = "rrule"
    rule: Annotated[str, Field(max_length=LONGEST_RULE), AfterValidator(_checked)]

    @model_validator(mode="after")
    def _start_is_a_dtstart(self) -> "Rrule":
        if self.start_at is not None and self.start_at.microsecond:
            raise ValueError("start_at is the DTSTART of the rule: write a whole second")
        return self

    @property
    def real_time(self) -> bool:
        """Whether the rule runs several times a day without naming the hours."""
        return _is_real_time(parse_rule(self.rule))

    def anchor(self, created_at: datetime) -> datetime:
        """DTSTART."""
        return self.start_at or created_at.replace(microsecond=0)

    def walls(self, anchor: datetime) -> Walls:
        """The walls of the rule from DTSTART on, COUNT and UNTIL aside."""
        return _walls(self.rule, local(anchor, self.zone))

    def every_after(self, anchor: datetime, instant: datetime) -> Iterator[datetime]:
        """The instants of the rule after `instant`, up to its COUNT or UNTIL."""
        last = _last(self.rule, self.timezone, anchor)
        return takewhile(lambda at: at <= last, super().every_after(anchor, instant))

    def why_never(self, created_at: datetime) -> tuple[str, str]:
        """The bound without which there would be a first instant, or the rule itself."""
        last = _last(self.rule, self.timezone, self.anchor(created_at))
        if last < LATEST:
            return "rule", (
                f"its last instant is {format_instant(last)}: nothing is left to run (COUNT counts from "
                "start_at or the submission itself; max_runs counts runs)"
            )
        endless = self.model_copy(update={"end_at": None, "exclude": ()})
        if endless.first(created_at) is None:
            return "rule", "never fires from this DTSTART: INTERVAL and the BY parts never meet; see start_at"
        return super().why_never(created_at)


def _is_real_time(rule: Rule) -> bool:
    unit = UNIT_SECONDS.get(rule.freq, DAY_SECONDS)
    return unit * rule.interval < DAY_SECONDS and len(rule.byhour) in (0, 24)


def _walls(text: str, start: datetime) -> Walls:
    rule = parse_rule(text)
    return lambda after: rule_walls(rule, start, after)


@lru_cache(maxsize=32_768)  # it takes 3 us an instant to find, and each job with a COUNT asks again and again
def _last(text: str, timezone: str, anchor: datetime) -> datetime:
    """The last instant that COUNT or UNTIL leaves; beyond the calendar without them."""
    rule, zone = parse_rule(text), zone_of(timezone)
    if rule.until is not None:
        if rule.until.tzinfo is not None:
            return rule.until
        return _moment(rule.until, zone)
    if rule.count is None:
        return LATEST
    start = local(anchor, zone)
    walls = _walls(text, start)
    if _is_real_time(rule):
        found = instants_of(walls, zone, anchor - MILLISECOND, real_time=True)
        return next(islice(found, rule.count - 1, None), LATEST)
    wall = next(islice(walls(start - _SECOND), rule.count - 1, None), None)
    return LATEST if wall is None else _moment(wall, zone)


def _moment(wall: datetime, zone: tzinfo) -> datetime:
    return instant_of(wall, zone) or day_start(wall.date(), zone)
