"""`karya apply`: the jobs of a cluster as they are declared in files."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from karya.cli.bar import Bar, breaking_off
from karya.cli.completing import job_sets
from karya.cli.exits import Exit, Interrupted
from karya.cli.options import DataDir, Json, Url
from karya.cli.output import note, say, say_json
from karya.cli.stored import AT_ONCE, Stored, stored_jobs
from karya.core.errors import ConfigError, InvalidInput

if TYPE_CHECKING:
    from karya.cli.declarations import Declaration
    from karya.core.declared import Verdict
    from karya.core.errors import FieldError

T = TypeVar("T")


def apply(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Jobs as YAML; directories are searched, - is standard input."),
    ],
    label: Annotated[
        str | None,
        typer.Option(
            "--set", metavar="NAME", help="The jobs of the files are this set.", autocompletion=job_sets
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Cancel the jobs of the set that are not declared any more.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Change nothing. Exit code 0: all is as declared, 11: not."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make the jobs of the cluster equal to the declared ones: shows what differs, asks, and does it."""
    from karya.cli.apply_report import done_text, plan_json, show_plan
    from karya.cli.declarations import new_resolver, read_declarations

    if prune and label is None:
        raise ConfigError("--prune cancels what a set does not hold any more: say which with --set NAME")
    if as_json and not (yes or dry_run):
        raise ConfigError("with --json nothing is shown before it is done: give --yes, or --dry-run")
    resolver = new_resolver()
    declared = read_declarations(files, label, resolver)
    with stored_jobs(url, data_dir) as stored:
        plan = _plan(stored, declared, label if prune else None, quiet=as_json)
        work = [one for one in plan if one.is_work]
        if as_json:
            if not dry_run:
                _carry_out(stored, work, quiet=True)
            say_json(plan_json(plan, resolver, applied=not dry_run))
        else:
            show_plan(plan, resolver)
            if work and not dry_run:
                _confirm(yes)
                _carry_out(stored, work)
                say(f"done: {done_text(work)}")
            elif not work:
                say("nothing to do")
    if dry_run and work:
        raise typer.Exit(Exit.DIFFERENT)


def _plan(
    stored: Stored, declared: "Sequence[Declaration]", prune: str | None, *, quiet: bool
) -> "list[Verdict]":
    """What becomes of every job. Raises InvalidInput with all that the gateway finds wrong."""
    from karya.core.declared import pruned, verdict

    plan: list[Verdict] = []
    errors: list[FieldError] = []
    with Bar("compared", len(declared), quiet=quiet) as bar:
        for some in _portions(declared):
            for one, checked in zip(some, stored.check([one.spec for one in some]), strict=True):
                errors += [one.error(error["field"], error["message"]) for error in checked.errors]
                if not checked.errors:
                    plan.append(verdict(checked))
            bar(bar.done + len(some))
    if errors:
        raise InvalidInput(errors)
    if prune is not None:
        with Bar(f"looked at, of the set {prune},", quiet=quiet) as bar:
            plan += pruned(bar.each(stored.live(set=prune)), plan)
    return plan


def _confirm(yes: bool) -> None:
    """Raises typer.Exit unless somebody agrees, ConfigError where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("nobody can be asked here: give --yes to do it, or --dry-run to look only")
    try:
        agreed = typer.confirm("do this?", err=True)
    except typer.Abort:
        note("")  # ends the line of the question
        raise Interrupted("nothing was changed") from None
    if not agreed:
        note("karya: nothing was changed")
        raise typer.Exit(Exit.FAILED)


def _carry_out(stored: Stored, work: "Sequence[Verdict]", *, quiet: bool = False) -> None:
    """Does it: what is new first, what goes last. Each deed is durable by itself, and doing the rest later is
    doing it all again."""
    with (
        Bar("applied", len(work), quiet=quiet) as bar,
        breaking_off(bar, "are done; apply again to see what is left"),
    ):
        for count in _done(stored, work):
            bar(bar.done + count)


def _done(stored: Stored, work: "Sequence[Verdict]") -> Iterator[int]:
    """Does one thing after the other; how many jobs each was about."""
    from karya.core.declared import Kind

    for some in _portions([one.spec for one in work if one.kind is Kind.CREATE]):
        stored.create(some)
        yield len(some)
    for one in work:
        if one.kind is Kind.CHANGE and one.job_id is not None and one.version is not None:
            stored.update(one.job_id, one.version, one.changes)
            yield 1
    for one in work:
        if one.kind is Kind.PRUNE and one.job_id is not None and one.version is not None:
            stored.cancel(one.job_id, one.version)
            yield 1


def _portions(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
