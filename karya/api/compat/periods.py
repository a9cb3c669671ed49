"""Durations as upstream's clients write them."""

from datetime import timedelta

_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def period_text(period: timedelta) -> str:
    """ISO 8601 in days, hours, minutes and seconds: P1D, PT1H30M, PT7S. Never negative."""
    days, rest = divmod(period, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    seconds = f"{rest.total_seconds():.3f}".rstrip("0").rstrip(".")
    parts = ((hours, "H"), (minutes, "M"), (seconds if rest else 0, "S"))
    time = "".join(f"{amount}{unit}" for amount, unit in parts if amount)
    date = f"{days}D" if days else ""
    return f"P{date}{'T' + time if time else ''}" if date or time else "PT0S"
