"""`karya status`."""

import re
from typing import Any

import typer

from karya.cli.calls import ask
from karya.cli.exits import Exit
from karya.cli.options import DataDir, Json, Url
from karya.cli.output import say, say_json

_WORKERS = re.compile(r"^karya_scheduler_workers(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


def status(url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say whether jobs can run. Exit code 0: ready, 3: not ready, 1: nobody answers."""
    from karya.cli.client import gateway_url

    address = gateway_url(url, data_dir)
    readiness = ask(address, None, "GET", "/readyz")
    workers = workers_in(ask(address, None, "GET", "/metrics"))
    found = {"url": address, **readiness, "workers": workers}
    if as_json:
        say_json(found)
    else:
        _show(found)
    if not readiness["ready"]:
        raise typer.Exit(Exit.NOT_READY)


def workers_in(metrics: str) -> int | None:
    """How many workers are connected, from the text of /metrics; None when it does not say."""
    found = _WORKERS.findall(metrics)
    return int(sum(map(float, found))) if found else None


def _show(found: dict[str, Any]) -> None:
    workers = "unknown" if found["workers"] is None else found["workers"]
    say(f"{'ready' if found['ready'] else 'not ready'} at {found['url']}, workers connected: {workers}")
    for part, reason in found["reasons"].items():
        say(f"  {part}: {reason}")
