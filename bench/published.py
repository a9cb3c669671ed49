"""The figures that docs/benchmarks.md has, for those pages and models that go by them."""

from collections.abc import Mapping
from pathlib import Path

from bench.measured import read_json
from bench.report import shown

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "figures.json"


def published() -> Mapping[str, float]:
    """By the name of what was measured, as the page shows them."""
    found = (figure for one in read_json(FIGURES).values() for figure in one.figures)
    return {figure.name: float(shown(figure.value).replace(",", "")) for figure in found}
