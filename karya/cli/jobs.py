"""`karya submit`, `karya submit-many` and `karya preview`: jobs as people write them."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from karya.cli.bar import Bar, breaking_off
from karya.cli.calls import gateway
from karya.cli.options import DataDir, File, Instants, Json, Key, Url
from karya.cli.output import job_line, note, say, say_json, show_instants, wire
from karya.core.errors import ConfigError, InvalidInput


def submit(
    file: File, key: Key = None, url: Url = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Submit a job; when this returns, the job is durable."""
    spec = parse_spec(read_text(file))
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
    specs = parse_many(read_text(file))
    key = key or str(uuid4())
    way_out = f"the same again with --key {key} stores the rest, and none of them twice"
    with (
        gateway(url, data_dir) as client,
        Bar("submitted", len(specs)) as bar,
        breaking_off(bar, f"jobs are stored; {way_out}"),
    ):
        ids = client.submit_all(specs, key=key, chunk=chunk, progress=bar)
    if as_json:
        say_json({"count": len(ids), "ids": ids})
        return
    for ident in ids:
        say(ident)
    note(f"{len(ids):,} jobs submitted")


def preview(
    file: File, limit: Instants = 10, url: Url = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Check a job and show its first instants; nothing is stored."""
    spec = parse_spec(read_text(file))
    with gateway(url, data_dir) as client:
        found = wire(client.preview(spec, limit))
    (say_json if as_json else show_instants)(found)


_A_JOB = "a job is a mapping with at least an action or steps"


def parse_spec(text: str) -> dict[str, Any]:
    """A job from JSON or YAML text, as plain data. Raises InvalidInput when it is none."""
    return parse_mapping(text, _A_JOB)


def parse_many(text: str) -> Sequence[dict[str, Any]]:
    """Jobs from JSON (a list, or one a line) or YAML (a list, or several documents), as plain data. Raises
    InvalidInput, which names the item, from 0, or the line."""
    try:
        items = list(_items(text))
        json.dumps(items, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput.at("", f"neither JSON nor YAML that JSON can say: {error}") from None
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidInput.at(str(number), _A_JOB)
    if not items:
        raise InvalidInput.at("", "no jobs: write them as a JSON or YAML list, or one JSON object a line")
    return items


def _items(text: str) -> Iterator[Any]:
    first = text.lstrip()[:1]
    if first == "{":
        yield from _lines(text)
    elif first == "[":
        yield from json.loads(text)
    else:
        for document in _yaml_documents(text):
            yield from document if isinstance(document, list) else [document]


def _lines(text: str) -> Iterator[Any]:
    """One JSON object a line; or a single one over several."""
    try:
        yield json.loads(text)
        return
    except json.JSONDecodeError:
        pass
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number}: {error}") from None


def parse_mapping(text: str, otherwise: str) -> dict[str, Any]:
    """A mapping from JSON or YAML text, as plain data. Raises InvalidInput, with these words for what is
    no mapping."""
    try:
        spec = _parsed(text)
        json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput.at("", f"neither JSON nor YAML that JSON can say: {error}") from None
    if not isinstance(spec, dict):
        raise InvalidInput.at("", otherwise)
    return spec


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        if text.lstrip().startswith("{"):
            raise
    return _yaml(text)


def _yaml(text: str) -> Any:
    documents = _yaml_documents(text)
    if len(documents) > 1:
        raise ValueError("several documents: `karya submit-many` takes those")
    return documents[0] if documents else None


def _yaml_documents(text: str) -> Sequence[Any]:
    import yaml

    from karya.core.documents import PlainLoader

    try:
        return list(yaml.load_all(text, PlainLoader))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def read_text(file: str) -> str:
    """The text of a file, or of standard input for "-". Raises ConfigError when it cannot be read."""
    try:
        if file == "-":
            return sys.stdin.read() if sys.stdin else ""
        return Path(file).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} cannot be read: it is no UTF-8 text: {error}") from None
