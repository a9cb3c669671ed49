"""`karya overview`."""

from collections.abc import Mapping
from typing import Any

from karya.cli.calls import gateway
from karya.cli.options import DataDir, Json, Url
from karya.cli.output import say, wire
from karya.cli.tables import show_rows
from karya.cli.watching import EVERY, Every, Watch, shown

_COUNTS = ("due", "late", "limited", "running", "failed", "active", "paused")


def overview(
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show what is due, late, running and failed now, who works, and what comes in the next hour."""
    with gateway(url, data_dir) as client:
        shown(lambda: wire(client.overview()), _show, as_json=as_json, watch=watch, every=every)


def _show(found: Mapping[str, Any]) -> None:
    say("  ".join(f"{name} {_count(found[name])}" for name in _COUNTS))
    if found["limited_since"]:
        say(f"the first of those that wait for a limit was due at {found['limited_since']}")
    say(f"scheduler: {_scheduler(found)}")
    say(f"next hour, by five minutes: {' '.join(map(_count, found['hour']))}")
    columns = ("name", "pool", "running", "free")
    rows = (tuple(str(worker[column]) for column in columns) for worker in found["workers"])
    show_rows(("worker", *columns[1:]), rows, "no workers")


def _count(number: Mapping[str, Any] | None) -> str:
    if number is None:
        return "?"
    return f"{number['count']:,}{'+' if number['more'] else ''}"


def _scheduler(found: Mapping[str, Any]) -> str:
    if found["scheduler"] is None:
        return "none"
    return f"{found['scheduler']}{'' if found['leads'] else ', which does not answer'}"
