"""The log file of the embedded mongod: kept small, and read for the reason of a failure."""

import json
from pathlib import Path

ROTATE_BYTES = 16 * 1024 * 1024
_TAIL_BYTES = 256 * 1024
_MISSING_LIBRARY = "error while loading shared libraries"


def rotate(log: Path) -> int:
    """Renames a large log to `.old` (one is kept) and returns the size from which the next start appends."""
    size = log.stat().st_size if log.exists() else 0
    if size < ROTATE_BYTES:
        return size
    log.replace(log.with_suffix(f"{log.suffix}.old"))
    return 0


def last_reason(log: Path, since: int = 0) -> str:
    """The last line written after byte `since` that explains a failure; says so when there is none."""
    lines = _tail(log, since)
    worst = [text for severity, text in lines if severity in "FE"]
    said = worst or [text for _, text in lines]
    return said[-1] if said else "it wrote nothing"


def _tail(log: Path, since: int) -> list[tuple[str, str]]:
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(since, log.stat().st_size - _TAIL_BYTES))
        return [_read(line) for line in file.read().decode(errors="replace").splitlines() if line.strip()]


def _read(line: str) -> tuple[str, str]:
    try:
        entry = json.loads(line)
        severity, message, details = entry["s"], entry["msg"], entry.get("attr", {})
    except (ValueError, KeyError, TypeError):
        return "E", _with_remedy(line.strip())
    cause = details.get("error") or details.get("reason") or details.get("msg")
    said = cause.get("errmsg") if isinstance(cause, dict) else cause
    return severity, f"{message}: {said}" if said else message


def _with_remedy(line: str) -> str:
    if _MISSING_LIBRARY in line:
        return f"{line} (on Debian and Ubuntu: apt-get install libcurl4 libssl3)"
    return line
