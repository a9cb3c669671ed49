"""The figures that docs/benchmarks.md has, for those pages and models that go by them."""

from collections.abc import Mapping
from pathlib import Path

from bench.report import FIGURES_BEGIN, FIGURES_END

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def published() -> Mapping[str, float]:
    """By the name of what was measured."""
    table = PAGE.read_text().partition(FIGURES_BEGIN)[2].partition(FIGURES_END)[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {row[0]: float(row[1].replace(",", "")) for row in rows[2:]}
