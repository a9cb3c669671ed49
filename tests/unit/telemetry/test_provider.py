"""Where the spans of an actor go, and what it takes to have any."""

import sys
from time import perf_counter

import pytest

from karya.actors.cluster.wiring import traces_of
from karya.core.errors import ConfigError
from karya.core.settings import Settings, TracesSettings
from karya.telemetry import spans
from karya.telemetry.provider import open_traces
from karya.telemetry.spans import SpanTraces
from tests.support.collector import Collector

NOWHERE = "http://127.0.0.1:9/v1/traces"
ON = Settings(traces=TracesSettings(enabled=True, endpoint=NOWHERE))


def opened(endpoint: str = NOWHERE) -> SpanTraces:
    traces = open_traces(TracesSettings(enabled=True, endpoint=endpoint), "worker-0")
    assert traces is not None
    return traces


async def test_what_is_left_is_sent_in_the_end_under_the_name_of_the_actor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    with Collector.running() as collector:
        traces = opened(collector.url)
        with traces.submission("job"):
            pass
        assert collector.spans() == []
        await traces.close()
        (span,) = collector.spans()
    said = {**span.resource}
    assert (said["service.name"], said["service.instance.id"]) == ("karya", "worker-0")
    assert said["deployment.environment.name"] == "test"


async def test_the_environment_may_name_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "jobs")
    with Collector.running() as collector:
        traces = opened(collector.url)
        with traces.submission("job"):
            pass
        await traces.close()
        assert [span.resource["service.name"] for span in collector.spans()] == ["jobs"]


async def test_a_collector_that_is_away_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "CLOSE_SECONDS", 0.2)
    traces = opened()
    began = perf_counter()
    with traces.submission("job"):
        pass
    assert perf_counter() - began < 5
    await traces.close()
    assert perf_counter() - began < 8


def test_off_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "karya.telemetry.provider", None)  # importing it would fail
    assert traces_of(Settings(), "server") is None
    with pytest.raises(ConfigError, match=r"traces\.enabled: takes pip install 'karya\[traces\]'"):
        traces_of(ON, "server")


def test_the_environment_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert traces_of(ON, "server") is None
