"""`karya events`."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from karya.cli.calls import gateway, gateway_url
from karya.cli.completing import job_ids, user_ids
from karya.cli.options import DataDir, Url
from karya.cli.output import in_line, note, put, say
from karya.cli.whose import user_id_of


def _kinds() -> list[str]:
    from karya.core.events import EventKind

    kinds = [kind.value for kind in EventKind]
    return [*dict.fromkeys(kind.rpartition(".")[0] for kind in kinds), *kinds]


def events(
    job: Annotated[
        list[str] | None,
        typer.Option(help="Only of this job; repeat it for more.", autocompletion=job_ids),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="Only of this kind, or of a family such as karya.task; repeat it for more.",
            autocompletion=_kinds,
        ),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only of the jobs of this user, by name or id; repeat it for more.",
            autocompletion=user_ids,
        ),
    ] = None,
    after: Annotated[str | None, typer.Option(help="Begin behind the event with this id.")] = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as JSON, one a line.")] = False,
) -> None:
    """Follow what happens, until Ctrl-C; lost connections are taken up again where they broke."""
    given = {"job": job, "kind": kind, "user": _ids(user, url, data_dir) if user else None}
    query = {name: values for name, values in given.items() if values}
    asyncio.run(_print(lambda: gateway_url(url, data_dir), query, after, as_json))


def _ids(users: list[str], url: str | None, data_dir: Path | None) -> list[str]:
    with gateway(url, data_dir) as client:
        return [ident for user in users if (ident := user_id_of(user, client)) is not None]


async def _print(
    find: Callable[[], str], query: dict[str, list[str]], after: str | None, as_json: bool
) -> None:
    from karya.cli.following import follow
    from karya.client.clients import TOKEN

    async for data in follow(find, query, os.environ.get(TOKEN), note, after):
        put(data) if as_json else say(event_line(json.loads(data)))


def event_line(event: dict[str, Any]) -> str:
    """An event in one line: when, what, of which job and step, and what else is known."""
    data = dict(event["data"])
    job, task = data.pop("job_id", None), data.pop("task", {})
    data.pop("user_id", None)
    place = [job, task.get("step"), str(task["id"])[:8] if task else None]
    more = [f"{name}={in_line(str(value))}" for name, value in data.items() if value is not None]
    kind = event["type"].removeprefix("karya.")
    return "  ".join(part for part in (event["time"], kind, *place, ", ".join(more)) if part)
