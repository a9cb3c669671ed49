"""`karya jobs` and `karya tasks`."""

from functools import partial
from typing import Annotated

import typer

from karya.cli.calls import gateway
from karya.cli.completing import job_names, job_sets
from karya.cli.options import Cursor, DataDir, JobId, Json, Limit, Tag, Url, UserId
from karya.cli.sheets import JOBS, TASKS, All, check_all, show_list
from karya.cli.watching import EVERY, Every, Watch
from karya.cli.whose import user_id_of
from karya.core.keywords import JobFilter

_STATES = ("ACTIVE", "PAUSED", "COMPLETED", "CANCELLED")


def jobs(
    limit: Limit = 20,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only those ACTIVE, PAUSED, COMPLETED or CANCELLED.", autocompletion=lambda: list(_STATES)
        ),
    ] = None,
    tag: Tag = None,
    name: Annotated[
        str | None, typer.Option(help="Only the one with this name.", autocompletion=job_names)
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="NAME",
            help="Only those that were applied as this set.",
            autocompletion=job_sets,
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only those whose description holds this.")] = None,
    created_after: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Only those submitted at or after this instant.")
    ] = None,
    created_before: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Only those submitted before this instant.")
    ] = None,
    user_id: UserId = None,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List jobs, the newest first."""
    check_all(everything, cursor, watch)
    wanted: JobFilter = {"status": status, "tag": tag, "name": name, "set": label, "text": text}
    wanted |= {"created_after": created_after, "created_before": created_before}
    with gateway(url, data_dir) as client:
        wanted["user_id"] = user_id_of(user_id, client)
        show_list(
            JOBS,
            partial(client.list, limit=limit, cursor=cursor, **wanted),
            partial(client.jobs, **wanted),
            everything=everything,
            as_json=as_json,
            watch=watch,
            every=every,
        )


def tasks(
    job_id: JobId,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the tasks of a job, hooks included, the latest instant first."""
    check_all(everything, cursor, watch)
    with gateway(url, data_dir) as client:
        show_list(
            TASKS,
            partial(client.tasks, job_id, cursor=cursor, limit=limit),
            partial(client.job_tasks, job_id),
            everything=everything,
            as_json=as_json,
            watch=watch,
            every=every,
        )
