"""The tables of the documentation that go by the model and by docs/benchmarks.md."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.published import published
from bench.scaling.costs import NOOP
from bench.scaling.deployment import Deployment
from bench.scaling.measured import error_rows, lag_rows, occurrences
from bench.scaling.played import drained
from bench.scaling.rows import cost_rows, limit_rows, load_rows, routing_rows, transaction_rows
from bench.scaling.steps import LARGE, growth_rows, size_rows

DOCS = Path(__file__).parents[2] / "docs"
_KARYA = "| **Karya** "
_Rows = Callable[[], Iterable[Sequence[str]]]


def renewed() -> Mapping[Path, str]:
    """Each of those pages, as it should be."""
    comparison = DOCS / "comparison.md"
    pages = {comparison: _with_row_of_karya(comparison.read_text())}
    for name, (file, rows) in TABLES.items():
        page = DOCS / file
        pages[page] = _with_table(pages.get(page) or page.read_text(), name, rows())
    return pages


def capacity_rows() -> Iterator[Sequence[str]]:
    """What to take for which rate: what was measured, and what the model says where nothing was."""
    figures = published()
    drained = figures["drain of 10,000 due no-op jobs"]
    yield (
        f"up to some {_down(drained)} tasks a second",
        "one machine with two cores, the defaults",
        "measured",
    )
    four = Deployment(4, mongod_cores=4, apart=False)
    yield (f"up to some {_modelled(four)}", "one machine with four cores, `worker.count: 4`", "model")
    apart = f"MongoDB on 8 cores of its own, {LARGE.workers} workers with {LARGE.slots} slots elsewhere"
    yield (f"up to some {_modelled(LARGE)}", apart, "model")
    yield ("more", "several clusters, each on a database of its own", "model")


def work_rows() -> Iterator[Sequence[str]]:
    """What was measured of all that is not a drain."""
    figures = published()
    for name, what, first in (
        ("`POST /v1/jobs`, one job each", figures["POST /v1/jobs, 64 clients"], "server"),
        ("`POST /v1/jobs/batch`, 1,000 jobs each", figures["POST /v1/jobs/batch"], "server"),
        ("HTTP calls that are answered at once", figures["drain of 10,000 due HTTP calls"], "machine"),
        ("occurrences of recurring jobs, however late", occurrences(figures), "scheduler"),
    ):
        yield (name, _down(what), first)


def _modelled(deployment: Deployment) -> str:
    """With three tenths taken off: that is more than the model said too much of tasks on two cores."""
    return _down(0.7 * drained(deployment, NOOP, 60_000))


def _down(rate: float) -> str:
    return f"{int(rate / 100) * 100:,}"


TABLES: Mapping[str, tuple[str, _Rows]] = {
    "costs": ("scaling.md", cost_rows),
    "growth": ("scaling.md", growth_rows),
    "sizes": ("scaling.md", size_rows),
    "limits": ("scaling.md", limit_rows),
    "routing": ("scaling.md", routing_rows),
    "transactions": ("scaling.md", transaction_rows),
    "loads": ("scaling.md", load_rows),
    "errors": ("scaling.md", error_rows),
    "lags": ("scaling.md", lag_rows),
    "works": ("operations/capacity.md", work_rows),
    "capacity": ("operations/capacity.md", capacity_rows),
}


def _with_table(page: str, name: str, rows: Iterable[Sequence[str]]) -> str:
    """The head of the table, two lines behind its mark, is kept."""
    before, begin, rest = page.partition(f"<!-- modelled: {name} -->\n")
    table, end, after = rest.partition("<!-- end -->")
    if not (begin and end):
        raise SystemExit(f"no table {name!r}")
    lines = [*table.splitlines()[:2], *(f"| {' | '.join(row)} |" for row in rows)]
    return "".join([before, begin, "\n".join(lines), "\n", end, after])


def _with_row_of_karya(page: str) -> str:
    """Beside the other schedulers."""
    figures = published()
    lags = [
        f"{figures[f'start lag at {rate} tasks/s, median']:g}"
        f" / {figures[f'start lag at {rate} tasks/s, 99th percentile']:g}"
        for rate in ("100", "500", "1,000")
    ]
    drained = f"{figures['drain of 10,000 due no-op jobs']:,.0f}"
    taken = f"{figures['POST /v1/jobs, 64 clients']:,.0f} / {figures['POST /v1/jobs/batch']:,.0f}"
    row = f"{_KARYA}(MongoDB) | {drained} | {' | '.join(lags)} | {taken} |"
    return "\n".join(row if line.startswith(_KARYA) else line for line in page.split("\n"))
