"""`karya simulate`: the load of a coming period, from the schedules of stored or declared jobs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karya.cli.bar import Bar
from karya.cli.options import DataDir, Json, Url
from karya.cli.output import in_line, note, say_json
from karya.cli.stored import Stored, stored_jobs
from karya.core.errors import InvalidInput
from karya.core.words import how_many

if TYPE_CHECKING:
    from karya.core.loadmap import Planned


def simulate(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Declared jobs (see `karya apply`); else the stored ones."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="INSTANT", help="Where the period begins (now).")
    ] = None,
    length: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long it is: 90m, 24h, 7d or PT24H, up to 31d.")
    ] = "24h",
    duration: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long a run takes (else as in the past, or a second)."),
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Of how many stored jobs, the newest, past runs are looked at.")
    ] = 100,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Draw the load of a coming period: when jobs start, what the peaks are, how many run at once."""
    from karya.cli.simulate_report import report_json, show_report
    from karya.core.loadmap import LONGEST, LoadMap

    start = _instant(since) if since is not None else datetime.now(UTC)
    start = start.replace(microsecond=0)
    period, default = _time("for", length), _time("duration", duration or "1s")
    if not timedelta(0) < period <= LONGEST:
        raise InvalidInput.at("for", "a period is longer than nothing, and at most 31 days")
    load = LoadMap(start, start + period, default)
    if files:
        planned: Sequence[Planned] = _declared(files, start)
    else:
        with stored_jobs(url, data_dir) as stored:
            planned = _stored(stored, 0 if duration is not None else sample, quiet=as_json)
    with Bar("computed", len(planned), quiet=as_json) as bar:
        for job in bar.each(planned):
            load.add(job)
    if as_json:
        say_json(report_json(load))
    else:
        show_report(load)


def _declared(files: Sequence[str], start: datetime) -> "list[Planned]":
    """The jobs of these files, as if they were applied when the period begins. Raises InvalidInput."""
    from pydantic import ValidationError

    from karya.cli.declarations import read_declarations
    from karya.core.action import NoopAction
    from karya.core.fields import invalid
    from karya.core.loadmap import Planned
    from karya.core.spec import JobSpec

    found, errors = list[Planned](), []
    for one in read_declarations(files, None, None):
        timed = {"schedule": one.spec["schedule"], "action": {"type": "noop"}}
        try:
            schedule = JobSpec[NoopAction].model_validate(timed).schedule
        except ValidationError as error:
            errors += [one.error(e.field, e.message) for e in invalid(error, timed, JobSpec).errors]
        else:
            is_cron = schedule.kind == "cron"  # which may name the beginning itself
            created_at = start - timedelta(seconds=1) if is_cron else start
            found.append(Planned(one.spec["name"], schedule, created_at, one.spec["name"]))
    if errors:
        raise InvalidInput(errors)
    return found


def _stored(stored: Stored, sample: int, *, quiet: bool) -> "list[Planned]":
    """The active jobs of the cluster."""
    from karya.core.loadmap import Planned
    from karya.core.views import JobView

    found, paused, now = list[Planned](), 0, datetime.now(UTC)
    with Bar("read", None if quiet else stored.count_live(), quiet=quiet) as bar:
        for job in bar.each(stored.live()):
            view = JobView.model_validate(job)
            if view.next_at is None:
                paused += view.status == "PAUSED"
                continue
            took = _median(stored.summary(view.id)["tasks"]) if len(found) < sample else None
            name, seen = view.name or in_line(view.description) or view.id, view.occurrences - 1
            found.append(Planned(name, view.schedule, view.created_at, view.id, seen, now, took))
    if paused:
        note(f"karya: left out: {how_many(paused, 'paused job')}")
    return found


def _median(tasks: Sequence[Mapping[str, Any]]) -> timedelta | None:
    """How long a run took, as far as the latest ones tell."""
    times = [
        (_parsed(task["finished_at"]) - _parsed(task["started_at"])).total_seconds()
        for task in tasks
        if task["status"] == "SUCCEEDED" and task["kind"] == "step" and task["started_at"]
    ]
    return timedelta(seconds=median(times)) if times else None


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _instant(text: str) -> datetime:
    from pydantic import TypeAdapter, ValidationError

    from karya.core.times import Instant

    try:
        return TypeAdapter[datetime](Instant).validate_python(text)
    except ValidationError:
        raise InvalidInput.at(
            "from", "write an instant with an offset, such as 2026-11-23T08:00:00Z"
        ) from None


def _time(field: str, text: str) -> timedelta:
    """A length of time as people write it, or as ISO 8601. Raises InvalidInput."""
    from pydantic import TypeAdapter, ValidationError

    from karya.core.times import Duration

    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], units.get(text[-1:])
    try:
        if unit is not None and number.isdecimal() and len(number) < 10:
            return timedelta(**{unit: int(number)})
        return TypeAdapter[timedelta](Duration).validate_python(text)
    except ValidationError:
        raise InvalidInput.at(field, "write a length of time, such as 90m, 24h, 7d or PT1H30M") from None
