"""Durations as people write them: 30s, 5 min, 1h 30m, 2d. The API takes ISO 8601 alone."""

import re

_PARTS = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:d|h|min|m|s)\s*)+", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|m|s)", re.IGNORECASE)
_PLACES = "DHMS"
_ISO = re.compile(r"P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_UNITS = ("d", "h", "min", "s")


def iso(text: str) -> str:
    """The same in ISO 8601; whatever else it is goes as it is, for the API to say what is wrong with it."""
    if not _PARTS.fullmatch(text):
        return text
    parts = {unit.upper(): number for number, unit in _PART.findall(text)}
    if len(parts) != len(_PART.findall(text)):
        return text
    days, *rest = (f"{parts[unit]}{unit}" if unit in parts else "" for unit in _PLACES)
    clock = "".join(rest)
    return f"P{days}{'T' if clock else ''}{clock}"


def plain(text: str) -> str:
    """The way back: 5 min for PT5M. What is no such duration goes as it is."""
    found = _ISO.fullmatch(text)
    if not found:
        return text
    parts = [f"{number} {unit}" for number, unit in zip(found.groups(), _UNITS, strict=True) if number]
    return " ".join(parts)
