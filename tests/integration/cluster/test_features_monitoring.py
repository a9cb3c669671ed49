"""A real Prometheus reads a cluster at work: every question of the dashboard is answered."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.eventually import eventually
from tests.support.prometheus import Prometheus, promtool, scraping
from tests.support.running import Running
from tests.support.target import Target, respond
from tests.unit.test_monitoring import ALERTS, panels

pytestmark = pytest.mark.cluster

EMPTY_IN_PEACE = {"Commands failed", "Failures by reason"}
"""What a panel shows may be nothing at all, where nothing was wrong in the last seconds."""


@pytest.fixture(scope="module")
def prometheus(karya: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with scraping(urlsplit(karya.cluster.url).netloc, tmp_path_factory.mktemp("prometheus")) as started:
        yield started


@pytest.fixture(scope="module")
def job(karya: Running, target: Target) -> Iterator[str]:
    """Runs several times a second, and fails every other time."""
    url = target.at("/monitored", *[respond(200), respond(500, "boom")] * 500)
    ident = karya.submit(
        action={"type": "rest", "url": url},
        schedule={"kind": "interval", "every": "PT0.2S"},
        retry={"max_attempts": 1},
    )
    yield ident
    karya.http("POST", f"/v1/jobs/{ident}/cancel")
    karya.http("POST", f"/v1/dead-letters/discard?job_id={ident}")


def concrete(query: str) -> str:
    return query.replace("$__rate_interval", "10s").replace("$instance", ".*")


def test_the_gateway_is_read_and_no_metric_is_malformed(karya: Running, prometheus: Prometheus) -> None:
    eventually(lambda: prometheus.value('up{job="karya"}') == 1, 30, "a first scrape")
    (target,) = prometheus.get("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_every_panel_shows_something(prometheus: Prometheus, job: str) -> None:
    waiting = {
        (panel["title"], target["refId"]): concrete(target["expr"])
        for panel in panels()
        for target in panel["targets"]
    }

    def look() -> bool:
        for key, query in list(waiting.items()):
            if prometheus.query(query) or key[0] in EMPTY_IN_PEACE:
                del waiting[key]
        return not waiting

    try:
        eventually(look, 30)
    except AssertionError:
        raise AssertionError(f"nothing to show: {waiting}") from None


def test_what_is_counted_is_what_happened(prometheus: Prometheus, job: str) -> None:
    ended = 'karya_attempts_total{{connector="rest", outcome="{}", reason="{}"}}'
    for outcome, reason in (("succeeded", "ok"), ("dead", "http_5xx")):
        query = f"sum({ended.format(outcome, reason)}) > 2"
        eventually(lambda query=query: prometheus.query(query), 30, query)
    made = 'sum(karya_http_requests_total{route="/v1/jobs", method="POST", status="201"})'
    assert prometheus.value(made) >= 1
    assert prometheus.value("sum(karya_mongodb_command_seconds_count{command='update'})") > 0
    eventually(lambda: prometheus.value('sum(karya_tasks{state="dead"})') > 2, 30, "dead letters")


def test_the_alerts_are_loaded_and_work(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, str]]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    eventually(lambda: all(rule["health"] == "ok" for rule in rules()), 30, "all rules evaluated")
    assert len(rules()) == len(ALERTS)
    quiet = {"KaryaDown", "KaryaNoLeader", "KaryaNoWorkers", "KaryaMongoDown"}
    assert not [rule for rule in rules() if rule["name"] in quiet and rule["state"] == "firing"]


def test_promtool_finds_nothing_to_mend(karya: Running) -> None:
    """It knows the conventions for names and units."""
    text = karya.text("/metrics")
    found = promtool("check", "metrics", text=text)
    assert "karya" not in found.replace("karya_executor", ""), found
