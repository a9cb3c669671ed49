"""`karya audit`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karya.cli.audit_report import followed, show_findings, show_report
from karya.cli.calls import gateway, named_url
from karya.cli.completing import job_ids
from karya.cli.config import load_settings
from karya.cli.exits import Exit
from karya.cli.options import DataDir, Json, Url, UserId
from karya.cli.output import Progress, wire
from karya.cli.watching import Every, Watch, shown
from karya.cli.whose import user_id_of
from karya.core.errors import ConfigError

if TYPE_CHECKING:
    from karya.core.queries import AuditQuery
    from karya.core.settings import Settings
    from karya.core.views import AuditPage

_Query = Mapping[str, str | None]
_EVERY = 60.0  # a look reads the whole ledger


def audit(
    since: Annotated[
        str | None, typer.Option("--from", metavar="INSTANT", help="Instants at or after this one.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="INSTANT", help="Instants before this one.")
    ] = None,
    job: Annotated[
        str | None,
        typer.Option("--job", metavar="ID", help="Only this job.", autocompletion=job_ids),
    ] = None,
    patience: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="How long a cluster may take over what it does by itself (PT5M)."
        ),
    ] = None,
    user_id: UserId = None,
    mongo_url: Annotated[
        str | None, typer.Option(help="Read this MongoDB, whether or not a cluster runs on it.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    config: Annotated[Path | None, typer.Option(help="The settings file (else ./karya.yaml).")] = None,
    watch: Watch = False,
    every: Every = _EVERY,
    as_json: Json = False,
) -> None:
    """Prove the ledger: every instant has exactly one fate, and all else follows from what was asked for.

    A running cluster is asked; where none runs, its store is read. Exit code 0: clean, 4: violations. With
    --watch until there is a violation.
    """
    query = {"job": job, "from": since, "to": until, "patience": patience, "user_id": user_id}
    flags = {"data_dir": None if data_dir is None else str(data_dir), "store.url": mongo_url}
    wanted, url = _checked(query), named_url(url, data_dir)
    with ExitStack() as stack:
        pages: Callable[[], Iterator[AuditPage]]
        if mongo_url is None and (url is not None or _runs(load_settings(config, flags))):
            where = Path(load_settings(config, flags).data_dir) if url is None else None
            client = stack.enter_context(gateway(url, where))
            wanted = wanted.model_copy(update={"user_id": user_id_of(wanted.user_id, client)})
            pages = lambda: client.audit_pages(**wanted.model_dump())  # noqa: E731
        elif watch:
            raise ConfigError("--watch needs a cluster that runs: name one by --url or --data-dir")
        else:
            pages = stack.enter_context(_store(load_settings(config, flags, secrets=True), wanted))
        seen = shown(
            lambda: wire(followed(pages(), quiet=as_json or watch)),
            partial(_show, whole=watch),
            as_json=as_json,
            watch=watch,
            every=every,
            until=lambda seen: bool(seen["findings"]),
        )
    if seen["findings"]:
        raise typer.Exit(Exit.VIOLATIONS)


def _show(seen: Mapping[str, Any], *, whole: bool) -> None:
    """A report; the whole one if its findings were not told as they came."""
    from karya.core.views import AuditReport

    report = AuditReport.model_validate(seen)
    if whole:
        show_findings(report.findings)
    show_report(report)


def _checked(query: _Query) -> "AuditQuery":
    """As the gateway checks it. Raises InvalidInput, which names the field."""
    from pydantic import ValidationError

    from karya.api.requests import AuditParameters
    from karya.core.fields import invalid

    given = {name: value for name, value in query.items() if value is not None}
    try:
        return AuditParameters.model_validate(given).wanted
    except ValidationError as error:
        raise invalid(error, given, AuditParameters) from None


def _runs(settings: "Settings") -> bool:
    from karya.actors.cluster.record import read_record

    try:
        read_record(Path(settings.data_dir).expanduser())
    except ConfigError:
        return False
    return True


@contextmanager
def _store(settings: "Settings", query: "AuditQuery") -> "Iterator[Callable[[], Iterator[AuditPage]]]":
    """Opens the store, and gives what reads the pages of an audit from it."""
    from karya.actors.cluster.offline import audit_store, store_at_rest

    def pages() -> "Iterator[AuditPage]":
        with asyncio.Runner() as runner:
            found = audit_store(settings.store, url, query)
            while (page := runner.run(_next(found))) is not None:
                yield page

    with Progress() as tell:
        tell("no cluster is asked: opening the store")
        with store_at_rest(settings) as url:
            tell.done()
            yield pages


async def _next(pages: "AsyncIterator[AuditPage]") -> "AuditPage | None":
    return await anext(pages, None)
