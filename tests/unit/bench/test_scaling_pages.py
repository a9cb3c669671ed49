"""The tables of the documentation are those of the model and of the recorded figures, and so is the model."""

import re
from pathlib import Path

import pytest

from bench.published import published
from bench.scaling.costs import NOOP
from bench.scaling.limits import limits
from bench.scaling.measured import compared
from bench.scaling.pages import renewed
from bench.scaling.rows import limit_rows
from bench.scaling.steps import STEPS, TWO_CORES

PAGE = Path("docs/scaling.md")
MADE = re.compile(r"<!-- modelled: .*?<!-- end -->|```.*?```", re.DOTALL)
FIGURE = re.compile(r"\d[\d,.]*\s*(?:us|ms|s|%|kB|MB|GB|a second)(?!\w)|\d{1,3},\d{3}(?! ms)")
FIXED = {"80 to 100 ms": "of the protocol", "1,000,000": "the goal"}


def test_the_model_is_no_further_off_than_measurements_differ() -> None:
    off = [f"{each.what}: {each.error:+.0f} %" for each in compared() if not abs(each.error) <= each.allowed]
    assert off == []


def test_the_costs_are_the_recorded_ones() -> None:
    figures = published()
    together = figures["documents in one update, on average"]
    assert NOOP.mongod(together) == pytest.approx(figures["processor for one task, mongod"])
    assert NOOP.workers(together) == pytest.approx(figures["processor for one task, workers"])
    assert NOOP.scheduler == figures["processor for one task, scheduler"]
    assert NOOP.mean_flush_ms == pytest.approx(figures["one flush of the journal, on average"])


def test_each_part_that_can_break_has_a_row() -> None:
    assert {row[0] for row in limit_rows()} == set(limits(TWO_CORES, NOOP))


def test_the_last_step_of_the_cluster_does_a_million() -> None:
    million = STEPS[-2].cluster
    assert STEPS[-1].clusters * limits(STEPS[-1].cluster, NOOP)["scheduler"] >= 1_250_000
    assert min(limits(million, NOOP).values()) >= 1_250_000
    assert million.shards > 1


def test_no_figure_is_written_by_hand() -> None:
    prose = MADE.sub("", PAGE.read_text())
    for known in FIXED:
        prose = prose.replace(known, "")
    assert FIGURE.findall(prose) == []


def test_the_pages_have_the_tables_of_today() -> None:
    stale = [page.name for page, text in renewed().items() if page.read_text() != text]
    assert stale == [], "run: python -m bench.scaling"
