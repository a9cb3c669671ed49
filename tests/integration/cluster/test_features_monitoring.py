"""A real Prometheus reads a cluster at work, and in trouble: the dashboard has something to show in every
panel, and the alerts fire, and end."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from tests.support.eventually import eventually
from tests.support.incidents import Incidents
from tests.support.prometheus import Prometheus, promtool, scraping
from tests.support.running import PATIENCE, Running
from tests.support.target import Target, respond
from tests.unit.test_monitoring import ALERTS, panels

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5 * PATIENCE)]

NOBODY = "127.0.0.1:9"
"""Where no gateway answers."""
WITHOUT_LEADER = {"KaryaNoLeader", "KaryaTasksWait"}
AFTERWARDS = {
    "KaryaDown",
    "KaryaStartsLate",
    "KaryaDeadLetters",
    "KaryaAttemptsFail",
    "KaryaLeasesLost",
    "KaryaTasksReaped",
    "KaryaMisfires",
}
NOT_HERE = {
    "KaryaNoWorkers": "the workers are wanted by every other test",
    "KaryaMongoDown": "so is MongoDB",
    "KaryaDiskFillsUp": "takes a full disk",
    "KaryaBacklogGrows": "takes ten minutes, and a thousand tasks",
    "KaryaActorsReplaced": "takes four actors that die",
    "KaryaGatewayErrors": "a gateway that works has none",
    "KaryaGatewayFull": "takes 2,000 requests at once",
}
"""Those that are only played through (tests/unit/alerts_test.yml), and why."""
COUNTED = ("karya_leases_lost_total", "karya_tasks_reaped_total", "karya_instants_misfired_total")
MEANWHILE = ("Leader", "Late", "Oldest due")
HAPPENED = ("Failures by reason", "Dead letters", "Leases and claims", "Instants skipped")


@pytest.fixture(scope="module")
def prometheus(karya: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that has read the gateway before anything goes wrong: what increases must have been there."""
    targets = [urlsplit(karya.cluster.url).netloc, NOBODY]
    with scraping(targets, tmp_path_factory.mktemp("prometheus")) as started:
        workers = len(karya.actor_pids("WorkerActor"))
        eventually(lambda: len(started.query(COUNTED[0])) == workers, PATIENCE, "a scrape of all workers")
        eventually(lambda: all(started.query(metric) for metric in COUNTED), PATIENCE, "all counters")
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


@pytest.fixture(scope="module")
def trouble(karya: Running, target: Target, prometheus: Prometheus, job: str) -> Mapping[str, float]:
    """A lease is lost, then the leader; what some panels showed while there was none."""
    incidents = Incidents(karya)
    cut_off = target.at("/cut-off", respond(delay=60), respond())
    retry = {"max_attempts": 3, "delay": "PT0.1S"}
    lost = karya.submit(action={"type": "rest", "url": cut_off}, retry=retry)
    eventually(lambda: target.calls_to("/cut-off"), PATIENCE, "an attempt")
    incidents.cut_off(lost)
    misfired = "karya_instants_misfired_total"
    before = karya.counted(misfired)
    strict = karya.submit(
        action={"type": "noop"},
        schedule={"kind": "interval", "every": "PT0.2S"},
        misfire={"policy": "skip", "grace": "PT1S"},
    )
    with incidents.another_cluster_leads():
        eventually(lambda: karya.counted("karya_scheduler_leader") == 0, PATIENCE, "no leader")
        waits = karya.submit(action={"type": "noop"})
        with incidents.waiting_for(waits, timedelta(minutes=2)):
            prometheus.await_alerts(WITHOUT_LEADER, PATIENCE)
            meanwhile = {panel: max(shown(prometheus, panel)) for panel in MEANWHILE}
    eventually(lambda: karya.counted(misfired) > before, PATIENCE, "misfires")
    karya.karya.cancel(strict)
    incidents.close()
    return meanwhile


def concrete(query: str) -> str:
    return query.replace("$__rate_interval", "10s").replace("$instance", ".*")


def shown(prometheus: Prometheus, title: str) -> list[float]:
    """The numbers of the first query of a panel."""
    (panel,) = [one for one in panels() if one["title"] == title]
    return prometheus.numbers(concrete(panel["targets"][0]["expr"]))


def test_the_gateway_is_read_and_no_metric_is_malformed(karya: Running, prometheus: Prometheus) -> None:
    def errors() -> list[str]:
        targets = prometheus.get("targets")["activeTargets"]
        return [one["lastError"] for one in targets if one["labels"]["instance"] != NOBODY]

    eventually(lambda: errors() == [""], 30, "a scrape that succeeds")


def test_no_rule_is_in_error_and_none_fires_without_a_reason(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, str]]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    eventually(lambda: all(rule["health"] == "ok" for rule in rules()), 30, "all rules evaluated")
    assert len(rules()) == len(ALERTS)
    assert not prometheus.firing() & {*WITHOUT_LEADER, "KaryaNoWorkers", "KaryaMongoDown"}


def test_the_alerts_fire_and_end(prometheus: Prometheus, trouble: Mapping[str, float]) -> None:
    assert {*WITHOUT_LEADER, *AFTERWARDS, *NOT_HERE} == {rule["alert"] for rule in ALERTS}
    prometheus.await_alerts(AFTERWARDS, PATIENCE)
    eventually(lambda: not prometheus.firing() & WITHOUT_LEADER, PATIENCE, "the end of the alerts")


def test_panels_show_what_is_wrong(prometheus: Prometheus, trouble: Mapping[str, float]) -> None:
    assert trouble["Leader"] == 0 and trouble["Late"] >= 1 and trouble["Oldest due"] >= 120
    for panel in HAPPENED:
        eventually(lambda panel=panel: max(shown(prometheus, panel), default=0) > 0, PATIENCE, panel)
    eventually(lambda: shown(prometheus, "Leader") == [1], PATIENCE, "a leader")


def test_every_query_of_every_panel_gives_a_number(
    karya: Running, prometheus: Prometheus, trouble: Mapping[str, float]
) -> None:
    """Something happens all the while: a rate of nothing, divided by itself, would be none."""
    waiting = {
        (panel["title"], target["refId"]): concrete(target["expr"])
        for panel in panels()
        for target in panel["targets"]
    }

    def look() -> bool:
        karya.submit(action={"type": "noop"})
        for key, query in list(waiting.items()):
            if prometheus.numbers(query):
                del waiting[key]
        return not waiting

    try:
        eventually(look, 60)
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


def test_promtool_finds_nothing_to_mend(karya: Running) -> None:
    """It knows the conventions for names and units."""
    text = karya.text("/metrics")
    found = promtool("check", "metrics", text=text)
    assert "karya" not in found.replace("karya_executor", ""), found
