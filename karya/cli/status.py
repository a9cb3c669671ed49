"""`karya status`."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from karya.cli.calls import gateway
from karya.cli.exits import Exit
from karya.cli.options import DataDir, Json, Url
from karya.cli.output import say, wire
from karya.cli.watching import EVERY, Every, Watch, shown
from karya.core.errors import Unavailable

if TYPE_CHECKING:
    from karya.client import Client

_WORKERS = re.compile(r"^karya_scheduler_workers(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


def status(
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say whether jobs can run. Exit code 0: ready, 3: not ready, 5: nobody answers."""
    with gateway(url, data_dir, patience=0) as client:
        look = _look_in_any_case if watch else _look
        found = shown(lambda: look(client), _show, as_json=as_json, watch=watch, every=every)
    if not found["ready"]:
        raise typer.Exit(Exit.NOT_READY)


def _look(client: "Client") -> dict[str, Any]:
    readiness = wire(client.readiness())
    return {"url": client.url, **readiness, "workers": workers_in(client.metrics())}


def _look_in_any_case(client: "Client") -> dict[str, Any]:
    """Who watches wants to see it come back."""
    try:
        return _look(client)
    except Unavailable as error:
        return {"url": client.url, "ready": False, "reasons": {"gateway": str(error)}, "workers": None}


def workers_in(metrics: str) -> int | None:
    """How many workers are connected, from the text of /metrics; None when it does not say."""
    found = _WORKERS.findall(metrics)
    return int(sum(map(float, found))) if found else None


def _show(found: Mapping[str, Any]) -> None:
    workers = "unknown" if found["workers"] is None else found["workers"]
    say(f"{'ready' if found['ready'] else 'not ready'} at {found['url']}, workers connected: {workers}")
    for part, reason in found["reasons"].items():
        say(f"  {part}: {reason}")
