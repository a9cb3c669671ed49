"""The dashboard and the alerts ask only for metrics that there are, and every alert says what to do."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard, RowPanel
from prometheus_client.core import Metric

from karya.actors.metrics import SchedulerMetrics, ServerMetrics, SupervisorMetrics, WorkerMetrics
from tests.support.prometheus import CONFIGS, promtool

ROOT = Path(__file__).parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "configs/grafana/karya.json").read_text())
ALERTS = yaml.safe_load((CONFIGS / "alerts.yml").read_text())["groups"][0]["rules"]
RUNBOOK = (ROOT / "docs/guides/runbook.md").read_text()
PLAYED = ROOT / "tests/unit/alerts_test.yml"
NAME = re.compile(r"\b(?:karya|process)_\w+")
NO_LINES = {"not_configured", "max_count"}
"""A reason and a setting, which look like log lines."""


def families() -> Mapping[str, Metric]:
    made = (ServerMetrics(), SchedulerMetrics(), WorkerMetrics(["noop"]), SupervisorMetrics())
    return {family.name: family for metrics in made for family in metrics.registry.collect()}


def exposed() -> set[str]:
    """The names of all samples."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {name + suffix for name, family in families().items() for suffix in suffixes[family.type]}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


def test_every_query_uses_metrics_that_exist() -> None:
    asked = {name for query in queries() for name in NAME.findall(query)}
    asked |= {name for rule in ALERTS for name in NAME.findall(rule["expr"])}
    assert asked - exposed() == set()


def test_the_dashboard_shows_every_metric_of_karya() -> None:
    shown = {re.sub(r"_(bucket|count|sum|total)$", "", name) for q in queries() for name in NAME.findall(q)}
    upstream = {name for name in families() if name.startswith("karya_executor_")}
    own = {name for name in families() if name.startswith("karya_")}
    assert own - upstream - shown == set()


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["uid"] == "karya"
    assert "id" not in DASHBOARD, "Grafana gives it one"
    idents = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(idents)) == len(idents)
    for panel in panels():
        assert panel["title"] and panel["description"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert "${" not in "".join(target["expr"] for target in panel["targets"])
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = {name for query in queries() for name in re.findall(r"\$(\w+)", query)}
    assert used - {"__rate_interval"} == variables - {"datasource"}


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    """Read as Grafana's own types, and written again, everything is still there."""
    plugins.register_default_plugins()
    read = Dashboard.from_json(DASHBOARD)
    options = [panel.options for panel in read.panels or [] if not isinstance(panel, RowPanel)]
    assert {type(one).__module__.rpartition(".")[2] for one in options} == {"stat", "timeseries"}
    assert list(lost(DASHBOARD, json.loads(json.dumps(read, cls=JSONEncoder)))) == []


def lost(written: Any, again: Any, place: str = "") -> Iterator[str]:
    """Where what was written is not what was read."""
    if isinstance(written, dict) and isinstance(again, dict):
        for key, value in written.items():
            yield from lost(value, again.get(key, "nothing"), f"{place}.{key}")
    elif isinstance(written, list) and isinstance(again, list) and len(written) == len(again):
        for number, (value, other) in enumerate(zip(written, again, strict=True)):
            yield from lost(value, other, f"{place}[{number}]")
    elif written != again:
        yield f"{place}: {written!r} became {again!r}"


def test_no_two_panels_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_is_and_leads_to_the_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert rule["alert"] in headings
    assert anchor == rule["alert"].lower()


def test_the_runbook_knows_no_other_alerts() -> None:
    headings = re.findall(r"^## (Karya\w+)$", RUNBOOK, re.MULTILINE)
    assert sorted(headings) == sorted(rule["alert"] for rule in ALERTS)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_the_runbook_says_how_urgent_it_is_where_to_look_and_what_to_do(rule: dict[str, Any]) -> None:
    section = RUNBOOK.partition(f"## {rule['alert']}\n\n")[2].partition("\n## ")[0]
    assert section.partition(". ")[0].lower() == rule["labels"]["severity"]
    look, _, do = section.partition("\n- **Do**: ")
    assert "\n- **Look**: " in look and do.strip()


def test_the_runbook_speaks_of_panels_that_there_are() -> None:
    named = {name for name in re.findall(r'"([^"]+)"', RUNBOOK) if name[0].isupper()}
    assert named and named <= {panel["title"] for panel in panels()}


def test_the_runbook_speaks_of_log_lines_that_there_are() -> None:
    reference = (ROOT / "docs/reference/logs.md").read_text()
    lines = set(re.findall(r"^\| `([^`]+)` \|", reference, re.MULTILINE))
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", RUNBOOK))
    assert len(named & lines) > 7
    assert {name for name in named - lines - NO_LINES if not name.startswith(("karya_", "process_"))} == set()


def test_each_alert_is_played_through_both_ways() -> None:
    tests = yaml.safe_load(PLAYED.read_text())["tests"]
    played = [case for test in tests for case in test["alert_rule_test"]]
    assert {c["alertname"] for c in played if c["exp_alerts"]} == {rule["alert"] for rule in ALERTS}
    assert {c["alertname"] for c in played if not c["exp_alerts"]} == {rule["alert"] for rule in ALERTS}


def test_prometheus_takes_the_files_and_the_alerts_do_as_played() -> None:
    promtool("check", "config", CONFIGS / "prometheus.yml")
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", CONFIGS / "alerts.yml")
    assert "SUCCESS" in promtool("test", "rules", PLAYED)
