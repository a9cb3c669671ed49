"""Timezones with odd rules, and the minutes around their changes of offset, found by looking at every day."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

ODD_ZONES = (
    *(
        "UTC",
        "Europe/Berlin",
        "Europe/London",
        "Europe/Lisbon",
        "Europe/Dublin",
        "Europe/Moscow",
        "Europe/Athens",
    ),
    *("Europe/Istanbul", "Europe/Chisinau", "Atlantic/Azores", "Africa/Casablanca", "Africa/El_Aaiun"),
    *("Africa/Cairo", "Africa/Johannesburg", "Africa/Tripoli", "Africa/Windhoek", "Antarctica/Troll"),
    *(
        "Antarctica/Casey",
        "Antarctica/Macquarie",
        "America/New_York",
        "America/St_Johns",
        "America/Sao_Paulo",
    ),
    *("America/Asuncion", "America/Santiago", "America/Havana", "America/Caracas", "America/Nuuk"),
    *("America/Scoresbysund", "America/Los_Angeles", "America/Anchorage", "America/Mexico_City"),
    *(
        "Asia/Beirut",
        "Asia/Amman",
        "Asia/Damascus",
        "Asia/Gaza",
        "Asia/Hebron",
        "Asia/Jerusalem",
        "Asia/Tehran",
    ),
    *("Asia/Kabul", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Pyongyang", "Asia/Dhaka", "Asia/Tokyo"),
    *("Australia/Lord_Howe", "Australia/Sydney", "Australia/Eucla", "Pacific/Apia", "Pacific/Fakaofo"),
    *("Pacific/Chatham", "Pacific/Fiji", "Pacific/Kiritimati", "Pacific/Easter", "Pacific/Norfolk"),
)


def wall_of(instant: datetime, zone: str) -> datetime:
    """What a clock in the zone shows."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@cache
def change_days(zone: str, first_year: int, last_year: int) -> tuple[datetime, ...]:
    """The UTC days in which the offset changes."""
    day, last, found, info = (
        datetime(first_year, 1, 1, tzinfo=UTC),
        datetime(last_year, 12, 31, tzinfo=UTC),
        [],
        ZoneInfo(zone),
    )
    before = day.astimezone(info).utcoffset()
    while day <= last:
        after = (day + timedelta(days=1)).astimezone(info).utcoffset()
        if after != before:
            found.append(day)
        day, before = day + timedelta(days=1), after
    return tuple(found)
