"""`karya submit`, `karya submit-many` and `karya preview`."""

from typing import Annotated
from uuid import uuid4

import typer

from karya.cli.bar import Bar, breaking_off
from karya.cli.calls import gateway
from karya.cli.options import DataDir, File, Instants, Json, Key, Url
from karya.cli.output import job_line, note, say, say_json, show_instants, wire
from karya.cli.reading import parse_many, read_spec, read_text
from karya.core.words import how_many


def submit(
    file: File, key: Key = None, url: Url = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Submit a job; when this returns, the job is durable."""
    spec = read_spec(file)
    with gateway(url, data_dir) as client:
        job = wire(client.submit(spec, key=key))
    if as_json:
        say_json(job)
        return
    say(job_line(job))
    for warning in job["warnings"]:
        note(f"karya: {warning}")


def submit_many(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Jobs as JSON, one a line or in a list, or as YAML; - is standard input.",
        ),
    ],
    key: Key = None,
    chunk: Annotated[int, typer.Option(min=1, max=10_000, help="How many in one request.")] = 1000,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Submit any number of jobs; prints their ids. Each part is durable once it is counted."""
    specs = parse_many(read_text(file), file)
    key = key or str(uuid4())
    way_out = f"the same again with --key {key} stores the rest, and none of them twice"
    with (
        gateway(url, data_dir) as client,
        Bar("submitted", len(specs), quiet=as_json) as bar,
        breaking_off(bar, f"jobs are stored; {way_out}"),
    ):
        ids = client.submit_all(specs, key=key, chunk=chunk, progress=bar)
    if as_json:
        say_json({"count": len(ids), "ids": ids})
        return
    for ident in ids:
        say(ident)
    note(f"{how_many(len(ids), 'job')} submitted")


def preview(
    file: File, limit: Instants = 10, url: Url = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Check a job and show its first instants; nothing is stored."""
    spec = read_spec(file)
    with gateway(url, data_dir) as client:
        found = wire(client.preview(spec, limit))
    (say_json if as_json else show_instants)(found)
