"""The `karya` command: its commands, and what becomes of their errors."""

import io
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from karya.cli.accounts import tokens, users, whoami
from karya.cli.apply import apply
from karya.cli.audit import audit
from karya.cli.demo import demo
from karya.cli.down import down
from karya.cli.events import events
from karya.cli.exits import Exit, exit_for
from karya.cli.explaining import errors, task, why
from karya.cli.export import export
from karya.cli.history import history
from karya.cli.jobs import preview, submit, submit_many
from karya.cli.letters import app as letters
from karya.cli.listing import jobs, tasks
from karya.cli.looking import following, job
from karya.cli.metrics import metrics
from karya.cli.output import complain, note
from karya.cli.overview import overview
from karya.cli.restart import restart
from karya.cli.simulate import simulate
from karya.cli.status import status
from karya.cli.steering import cancel, pause, resume, skip, trigger, update
from karya.cli.up import up
from karya.cli.waiting import wait
from karya.core.errors import KaryaError

_USERS = "Users"


class _Commands(TyperGroup):
    """Turns every error that Karya raises on purpose into one line and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """With UTF-8 in every locale: so are JSON, YAML and what users write in jobs."""
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
                stream.reconfigure(encoding="utf-8", errors=stream.errors)
        return super().main(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KaryaError as error:
            complain(error)
            sys.exit(exit_for(error))
        except KeyboardInterrupt:
            note("karya: interrupted")
            sys.exit(Exit.INTERRUPTED)


app = typer.Typer(
    name="karya",
    cls=_Commands,
    help="A durable, distributed job scheduler.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_PANELS = {
    "Cluster": (up, down, restart, status, overview, metrics, audit, demo),
    "Jobs: submit": (submit, submit_many, preview),
    "Jobs: declare": (apply, export, simulate),
    "Jobs: look": (jobs, job, tasks, task, following, why, errors, history, wait, events),
    "Jobs: steer": (cancel, pause, resume, trigger, skip, update),
    _USERS: (whoami,),
}
for panel, commands in _PANELS.items():
    for command in commands:
        app.command("next" if command is following else None, rich_help_panel=panel)(command)
app.add_typer(letters, name="letters", rich_help_panel="Jobs: steer")
for name, group in (("user", users), ("token", tokens)):
    app.add_typer(group, name=name, rich_help_panel=_USERS)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"karya {version('karya')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A durable, distributed job scheduler."""
