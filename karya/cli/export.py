"""`karya export`: stored jobs as the YAML, or JSON, that `karya apply` takes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karya.cli.bar import Bar
from karya.cli.completing import job_sets
from karya.cli.options import DataDir, Json, Tag, Url
from karya.cli.output import note, put
from karya.cli.stored import Stored, stored_jobs
from karya.core.errors import ConfigError
from karya.core.words import how_many

if TYPE_CHECKING:
    from karya.core.exported import Models

Spec = Mapping[str, Any]


def export(
    label: Annotated[
        str | None,
        typer.Option("--set", metavar="NAME", help="Only the jobs of this set.", autocompletion=job_sets),
    ] = None,
    tag: Tag = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file to write, instead of standard output.")
    ] = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Write secrets as they are, instead of ${redacted}.")
    ] = False,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write the live jobs that have a name as YAML (or JSON), which `karya apply` takes."""
    if not everything and label is None and tag is None:
        raise ConfigError("say which jobs: --set NAME, --tag TAG or --all")
    from karya.core.exported import exported, spec_of
    from karya.core.references import REDACTED

    models, specs, skipped = _models(), list[Spec](), list[str]()
    with stored_jobs(url, data_dir) as stored:
        for job in _read(stored, label, tag, quiet=as_json):
            if reason := _unfit(job):
                skipped.append(f"{job['id']} {reason}")
            else:
                specs.append(exported(spec_of(job), models, with_secrets=with_secrets))
    text = _text(specs[::-1], as_json)
    if output is not None:
        _write(output, text)
        note(f"karya: {how_many(len(specs), 'job')} written to {output}")
    elif specs or as_json:
        put(text.rstrip("\n"))
    else:
        note("no such jobs")
    for one in skipped:
        note(f"karya: left out: job {one}")
    if (count := text.count(REDACTED)) > 0:
        left_out = f"{how_many(count, 'secret is', 'secrets are')} left out"
        note(f"karya: {left_out}: write ${{env:NAME}} or ${{file:/path}} for {REDACTED}")


def _read(stored: Stored, label: str | None, tag: str | None, *, quiet: bool) -> Iterator[Spec]:
    """The live jobs of this set, with this tag, the newest first."""
    total = None if quiet or label or tag else stored.count_live()
    with Bar("read", total, quiet=quiet) as bar:
        yield from bar.each(stored.live(set=label, tag=tag))


def _text(specs: Sequence[Spec], as_json: bool) -> str:
    from karya.core.exported import as_yaml

    if as_json:
        return f"{json.dumps(specs, indent=2, ensure_ascii=False)}\n"
    return "---\n".join(map(as_yaml, specs))


def _unfit(job: Spec) -> str | None:
    """Why a job cannot be declared."""
    if job["name"] is None:
        return "has no name: give it one (karya update)"
    if job["schedule"]["kind"] == "once" and job["schedule"]["at"] is None:
        return f"({job['name']}) runs once, at no instant that could be declared"
    return None


def _models() -> "Models":
    from karya.connectors.installed import installed_connectors

    return {name: one.action_type for name, one in installed_connectors().items()}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
