"""What the commands make of the gateway's answers, and of servers that are no gateway."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from karya.actors.cluster.record import ClusterRecord
from karya.cli.client import call, error_of, gateway_url
from karya.cli.exits import Exit, Interrupted, exit_for
from karya.cli.output import complaint
from karya.cli.status import workers_in
from karya.core.errors import ConfigError, DataDirectoryInUse, InvalidInput, KaryaError, Unavailable
from tests.support.target import Target, hang, respond

PROBLEM = {
    "type": "urn:karya:problem:invalid-input",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "all of it",
}


@pytest.fixture
def target() -> Iterator[Target]:
    with Target.running() as target:
        yield target


def test_a_refusal_names_each_field_on_a_line_of_its_own() -> None:
    errors = [{"field": "action.url", "message": "required"}, {"field": "retry", "message": "unknown field"}]
    error = error_of({**PROBLEM, "errors": errors})
    assert isinstance(error, InvalidInput)
    assert complaint(error) == "refused:\n  action.url: required\n  retry: unknown field"


def test_a_refusal_of_one_field_is_one_line() -> None:
    error = error_of({**PROBLEM, "errors": [{"field": "", "message": "the body must be a JSON object"}]})
    assert complaint(error) == "refused: the body must be a JSON object"


def test_a_refusal_without_fields_keeps_its_words() -> None:
    assert complaint(error_of(PROBLEM)) == "refused: all of it"


@pytest.mark.parametrize(
    ("status", "kind"), [(404, KaryaError), (409, KaryaError), (503, Unavailable), (500, KaryaError)]
)
def test_other_problems_are_told_in_the_words_of_the_gateway(status: int, kind: type) -> None:
    error = error_of({"title": "Oh", "status": status, "detail": "no job\n'x'"})
    assert type(error) is kind
    assert complaint(error) == "no job 'x'"


def test_who_lacks_a_token_is_told_where_it_is_read_from() -> None:
    error = error_of({"status": 401, "detail": "this token is not known"})
    assert complaint(error) == "this token is not known (commands read it from KARYA_TOKEN)"


@pytest.mark.parametrize(
    "odd", [None, [], "text", {}, {"status": 422, "errors": "text"}, {"status": 422, "errors": [1]}]
)
def test_an_odd_problem_is_still_an_error(odd: object) -> None:
    assert complaint(error_of(odd))


def test_the_exit_codes() -> None:
    assert exit_for(ConfigError("x")) == exit_for(DataDirectoryInUse("x")) == Exit.USAGE
    assert exit_for(InvalidInput.at("x", "y")) == Exit.USAGE
    assert exit_for(Unavailable("x")) == exit_for(KaryaError("x")) == Exit.FAILED
    assert exit_for(Interrupted("x")) == Exit.INTERRUPTED


def test_json_is_parsed_whatever_the_status(target: Target) -> None:
    json = {"content-type": "application/json"}
    target.script(respond(503, '{"ready": false}', json), respond(200, '{"ready": true}', json))
    assert call(target.url, "GET", "/readyz") == {"ready": False}
    assert call(target.url, "GET", "/readyz") == {"ready": True}


def test_what_is_sent_arrives_as_it_is(target: Target) -> None:
    target.script(respond(200, "{}", {"content-type": "application/json"}))
    call(f"{target.url}", "POST", "/v1/jobs/a%2Fb/cancel", {"a": 1}, query={"limit": "3"})
    (sent,) = target.calls
    assert (sent.method, sent.path, sent.json()) == ("POST", "/v1/jobs/a%2Fb/cancel?limit=3", {"a": 1})


def test_a_problem_is_raised(target: Target) -> None:
    target.script(
        respond(404, '{"status": 404, "detail": "no job"}', {"content-type": "application/problem+json"})
    )
    with pytest.raises(KaryaError, match=r"^no job$"):
        call(target.url, "GET", "/")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", "<p>"), ("application/json", "no JSON"), ("application/problem+json", "no JSON")],
)
def test_a_server_that_is_no_gateway_is_told(target: Target, content_type: str, body: str) -> None:
    target.script(respond(200, body, {"content-type": content_type}))
    with pytest.raises(KaryaError, match=f"{target.url} does not answer like a Karya gateway"):
        call(target.url, "GET", "/")


def test_nobody_at_the_url_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"no gateway answers at {url}"):
            call(url, "GET", "/")


def test_a_silent_server_is_given_up(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    from aiohttp import ClientTimeout

    monkeypatch.setattr("karya.cli.client._TIMEOUT", ClientTimeout(total=0.2))
    target.script(hang())
    with pytest.raises(Unavailable, match="no gateway answers at"):
        call(target.url, "GET", "/")


def test_the_gateway_is_found_through_the_data_directory(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    record = ClusterRecord(
        pid=1, url="http://127.0.0.1:4", ray_address="x", namespace="karya", started_at=now
    )
    record.write(tmp_path)
    assert gateway_url(None, tmp_path) == "http://127.0.0.1:4"
    assert gateway_url("http://other:5/", tmp_path) == "http://other:5"


def test_a_data_directory_without_a_cluster_is_unavailable_not_wrong(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no cluster runs on the data directory"):
        gateway_url(None, tmp_path)


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "http://", "", "http://x:y"])
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="--url"):
        gateway_url(url, None)


def test_the_workers_are_counted_in_the_metrics() -> None:
    head = 'karya_scheduler_workers{actor="scheduler",pool='
    text = f'{head}"default"}} 3.0\n{head}"gpu"}} 2.0\nkarya_scheduler_workers_other 9.0\n'
    assert workers_in(text) == 5
    assert workers_in("karya_scheduler_leader 1.0\n") is None
