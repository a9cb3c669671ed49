"""`karya metrics`."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from karya.cli.calls import gateway
from karya.cli.options import DataDir, Json, Url
from karya.cli.output import note, out
from karya.cli.watching import EVERY, Every, Watch, shown

_NAME = re.compile(r"(?:# (?:HELP|TYPE) )?(\w*)")


def metrics(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Only those with this in their name.")
    ] = None,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the metrics of every actor, as Prometheus reads them."""
    with gateway(url, data_dir) as client:

        def look() -> Any:
            text = "".join(_lines(client.metrics(), names or [""]))
            return _samples(text) if as_json else text

        shown(look, _show, as_json=as_json, watch=watch, every=every)


def _show(text: str) -> None:
    if text:
        out.print(text, end="", soft_wrap=True)
    else:
        note("no such metrics")


def _lines(text: str, names: Sequence[str]) -> Iterator[str]:
    for line in text.splitlines(keepends=True):
        found = _NAME.match(line)
        if found and any(name in found[1] for name in names):
            yield line


def _samples(text: str) -> list[dict[str, Any]]:
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(text)
    return [
        {"name": sample.name, "labels": sample.labels, "value": sample.value}
        for family in families
        for sample in family.samples
    ]
