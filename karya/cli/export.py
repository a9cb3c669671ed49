"""`karya export`: stored jobs as the YAML that `karya apply` takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karya.cli.options import DataDir, Url
from karya.cli.output import Progress, note, put
from karya.cli.stored import stored_jobs
from karya.core.errors import ConfigError
from karya.core.words import how_many

if TYPE_CHECKING:
    from karya.core.exported import Models


def export(
    label: Annotated[
        str | None, typer.Option("--set", metavar="NAME", help="Only the jobs of this set.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file to write, instead of standard output.")
    ] = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Write secrets as they are, instead of ${redacted}.")
    ] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Write the live jobs that have a name as YAML, which `karya apply` takes."""
    if not everything and label is None and tag is None:
        raise ConfigError("say which jobs: --set NAME, --tag TAG or --all")
    from karya.core.exported import as_yaml, exported, spec_of
    from karya.core.references import REDACTED

    models, texts, skipped = _models(), list[str](), list[str]()
    with stored_jobs(url, data_dir) as stored, Progress(seldom=True) as tell:
        for job in stored.live(set=label, tag=tag):
            if reason := _unfit(job):
                skipped.append(f"{job['id']} {reason}")
                continue
            texts.append(as_yaml(exported(spec_of(job), models, with_secrets=with_secrets)))
            if len(texts) % 100 == 0:
                tell(f"{how_many(len(texts), 'job')} read")
    text = "---\n".join(reversed(texts))
    if output is None:
        put(text.rstrip("\n")) if texts else note("no such jobs")
    else:
        _write(output, text)
        note(f"karya: {how_many(len(texts), 'job')} written to {output}")
    for one in skipped:
        note(f"karya: left out: job {one}")
    if (count := text.count(REDACTED)) > 0:
        left_out = f"{how_many(count, 'secret is', 'secrets are')} left out"
        note(f"karya: {left_out}: write ${{env:NAME}} or ${{file:/path}} for {REDACTED}")


def _unfit(job: Mapping[str, Any]) -> str | None:
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
