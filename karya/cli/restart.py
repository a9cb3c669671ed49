"""`karya restart`."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from karya.cli.calls import cluster_on
from karya.cli.config import load_settings
from karya.cli.exits import Partly, TimedOut
from karya.cli.options import DataDir, Json
from karya.cli.output import Progress, note, say, say_json
from karya.core.errors import KaryaError

if TYPE_CHECKING:
    from karya.actors.cluster.restarting import Restarting
    from karya.core.settings import Settings

_PAUSE = 0.2


def restart(
    everything: Annotated[
        bool, typer.Option("--all", help="Then the scheduler and the server, too.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="Restart all, from now on with the settings of this file.")
    ] = None,
    data_dir: DataDir = None,
    timeout: Annotated[float, typer.Option(min=0, help="How many seconds to wait for its end.")] = 3600,
    as_json: Json = False,
) -> None:
    """Replace the workers one by one, each once its replacement is there; work goes on."""
    flag = None if data_dir is None else str(data_dir)
    directory = Path(load_settings(None, {"data_dir": flag}).data_dir).expanduser()
    settings = None if config is None else _checked(config)
    everything = everything or settings is not None
    cluster_on(directory)
    with Progress() as tell:
        tell("joining the cluster")
        restarting = _joined(directory)
        unchanged = restarting.begin(everything, settings)
        for name in unchanged:
            note(f"not changed before the next start: {name}")
        for step in _steps(restarting, time.monotonic() + timeout, note if as_json else say):
            tell(step)
    if everything:
        restarting.renew_supervisor()
    if as_json:
        say_json({"restarted": True, "everything": everything, "unchanged": list(unchanged)})
    else:
        say("restarted")


def _checked(config: Path) -> "Settings":
    """Raises ConfigError for what the actors would stumble over."""
    from karya.actors.cluster.parts import check_parts

    settings = load_settings(config, {}, secrets=True)
    check_parts(settings)
    return settings


def _joined(directory: Path) -> "Restarting":
    from karya.actors.cluster.restarting import Restarting

    return Restarting(directory)


def _steps(restarting: "Restarting", deadline: float, told: Callable[[str], None]) -> Iterator[str]:
    """The names of those whose turn it is, as it comes; `told` gets what was done. Ends with the restart."""
    shown, current = 0, ""
    while True:
        progress = restarting.progress()
        if progress is not None:
            for line in progress.done[shown:]:
                told(line)
            shown = len(progress.done)
            if progress.error is not None:
                error = KaryaError(f"stopped after {shown} of {progress.total}: {progress.error}")
                raise Partly(error) if shown else error
            if progress.ended:
                return
            if progress.current != current:
                current = progress.current
                yield f"restarting {current} ({shown + 1} of {progress.total})"
        if time.monotonic() > deadline:
            raise TimedOut("the restart still goes on, and does so without this command")
        time.sleep(_PAUSE)
