"""`karya up`."""

import io
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from karya.cli.config import load_settings
from karya.cli.exits import Interrupted
from karya.cli.options import DataDir, Json
from karya.cli.output import Progress, say
from karya.core.errors import ConfigError

_ORPHAN_SECONDS = 10.0
_PAUSE_SECONDS = 0.1

if TYPE_CHECKING:
    from karya.core.settings import Settings


def up(
    host: Annotated[str | None, typer.Option(help="Where the gateway listens.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Its port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=1000, help="How many workers.")] = None,
    data_dir: DataDir = None,
    mongo_url: Annotated[str | None, typer.Option(help="A MongoDB, instead of the embedded one.")] = None,
    address: Annotated[
        str | None, typer.Option(help="A Ray to join, HOST:PORT, instead of an own one.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The settings file (else ./karya.yaml).")] = None,
    log_level: Annotated[
        str | None,
        typer.Option(
            help="debug, info, warning or error.",
            autocompletion=lambda: ["debug", "info", "warning", "error"],
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start Karya in the foreground; Ctrl-C drains and stops everything it started."""
    flags = {
        "gateway.host": host,
        "gateway.port": port,
        "worker.count": workers,
        "data_dir": None if data_dir is None else str(data_dir),
        "store.url": mongo_url,
        "ray.address": address,
        "log.level": log_level,
    }
    _run(load_settings(config, flags, secrets=True), as_json)


def _run(settings: "Settings", as_json: bool) -> None:
    from karya.actors.logs import configure_logs
    from karya.cli.hosting import hosted

    _await_address(settings)
    configure_logs(settings.log)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # else a pipe sees the actors' lines late
    with Progress() as tell:
        with hosted(settings, tell, log_to_driver=True) as cluster:
            tell.done()
            say(_ready_line(settings, cluster.url, as_json))
            with suppress(Interrupted):
                cluster.wait()
        tell.done()
    say(json.dumps({"ready": False}) if as_json else "stopped")


def _await_address(settings: "Settings") -> None:
    """Raises ConfigError when the port is taken; what a killed cluster left may hold it for a moment."""
    from karya.actors.cluster.record import left_behind
    from karya.api.serve import check_address

    predecessor = left_behind(Path(settings.data_dir))
    if predecessor is not None and settings.ray.address is not None:
        return  # what it left in that Ray may hold the port, and goes on
    patience = _ORPHAN_SECONDS if predecessor is not None else 0.0
    deadline = time.monotonic() + patience
    while True:
        try:
            check_address(settings.gateway)
        except ConfigError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _ready_line(settings: "Settings", url: str, as_json: bool) -> str:
    data_dir = Path(settings.data_dir).expanduser().absolute()
    if as_json:  # one line of several: those of the actors come between, as `log.format` says
        workers = settings.worker.count
        return json.dumps({"ready": True, "url": url, "workers": workers, "data_dir": str(data_dir)})
    return f"Karya is ready at {url} (workers: {settings.worker.count}, data: {data_dir}); Ctrl-C stops it"
