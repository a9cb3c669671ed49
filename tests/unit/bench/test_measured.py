"""The file that the documentation's table is made of."""

from pathlib import Path

import pytest

from bench.figures import Figure, Place, at_least, at_most
from bench.measured import Measured, commit, measured, merged, read_json, write_json
from bench.measures import BY_NAME_ONLY, FRESH, MEASURES, sittings
from bench.report import with_table, write_documentation

PAGE = "before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n"
OLD = Measured(
    [at_most("start lag", 0.75, "ms", 0.9, Place("lag", "median", "100/s"))],
    "2026-11-27T08:05:00+00:00",
    "abc1234",
    "2 cores",
)
NEW = Measured(
    [at_least("drain", 4_500, "jobs/s", 25_000)], "2026-11-28T09:00:00+00:00", "def5678", "4 cores"
)
ORDER = ["drain", "lag", "idle"]


def test_what_was_not_measured_again_stays_as_it_was() -> None:
    before = {"lag": OLD, "drain": OLD, "a measure of old": OLD}
    assert list(merged(before, {"drain": NEW}, ORDER).items()) == [("drain", NEW), ("lag", OLD)]


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "made" / "figures.json"
    assert read_json(file) == {}
    write_json(file, {"drain": NEW, "lag": OLD})
    assert read_json(file) == {"drain": NEW, "lag": OLD}


def test_each_measure_says_when_and_on_what_code() -> None:
    one = measured([Figure("memory", 1, "MB")], 3, commit())
    assert one.measured_at.endswith("+00:00")
    assert one.commit
    assert one.machine.endswith("3 workers")


def test_table_json_and_plots_are_of_the_same_figures(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(PAGE)
    write_documentation(tmp_path, {"drain": NEW, "lag": OLD})
    written = page.read_text()
    assert written == with_table(PAGE, read_json(tmp_path / "benchmarks" / "figures.json"))
    assert written == (
        "before\n<!-- figures: begin -->\n"
        "| measured | figure | unit | goal | met |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| **drain**: 28 November 2026, 09:00, def5678, 4 cores |  |  |  |  |\n"
        "| drain | 4,500 | jobs/s | ≥ 25,000 | no |\n"
        "| **lag**: 27 November 2026, 08:05, abc1234, 2 cores |  |  |  |  |\n"
        "| start lag | 0.75 | ms | ≤ 0.9 | yes |\n"
        "<!-- figures: end -->\nafter\n"
    )
    assert [file.name for file in sorted((tmp_path / "benchmarks").iterdir())] == ["figures.json", "lag.svg"]


def test_a_page_without_a_place_for_the_table_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "benchmarks.md").write_text("no marks")
    with pytest.raises(ValueError, match="figures: begin"):
        write_documentation(tmp_path, {"drain": NEW})
    assert [file.name for file in tmp_path.iterdir()] == ["benchmarks.md"]


def test_the_page_has_the_table_of_the_committed_figures() -> None:
    page, found = Path("docs/benchmarks.md").read_text(), read_json(Path("docs/benchmarks/figures.json"))
    assert found
    assert with_table(page, found) == page, "they are written together: make bench ARGS='--record MEASURE'"


def test_a_fresh_cluster_begins_a_sitting() -> None:
    assert sittings(["drain", "lag", "idle", "growth"]) == [["drain", "lag"], ["idle", "growth"]]
    assert sittings(["memory", "drain"]) == [["memory", "drain"]]
    assert set(MEASURES) >= FRESH | BY_NAME_ONLY
