"""What the commands say of errors, and with which code they end."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from karya.actors.cluster.record import ClusterRecord
from karya.cli.calls import gateway_url
from karya.cli.output import complaint
from karya.cli.status import workers_in
from karya.core.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    KaryaError,
    NotFound,
    Unauthenticated,
    Unavailable,
)


def test_a_refusal_names_each_field_on_a_line_of_its_own() -> None:
    error = InvalidInput([FieldError("action.url", "required"), FieldError("retry", "unknown field")])
    assert complaint(error) == "refused:\n  action.url: required\n  retry: unknown field"


def test_a_refusal_of_one_thing_is_one_line() -> None:
    assert complaint(InvalidInput.at("", "the body must be a JSON object")) == (
        "refused: the body must be a JSON object"
    )


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (NotFound("job", "x"), "no job 'x'; `karya jobs` lists those that are there"),
        (NotFound("moon", "x"), "no moon 'x'"),
        (Unauthenticated("who?"), "who?; commands read the token from KARYA_TOKEN; admins make one with"),
        (Forbidden("a viewer only reads"), "a viewer only reads; `karya whoami` says for whom"),
        (
            KaryaError("x does not answer like a Karya gateway: 404"),
            "x does not answer like a Karya gateway: 404; --url",
        ),
        (KaryaError("boom"), "boom"),
        (Conflict("the name 'ada' is taken"), "the name 'ada' is taken; choose another"),
        (
            Conflict("job j is paused: it cannot be triggered"),
            "job j is paused: it cannot be triggered; `karya resume`",
        ),
        (
            Conflict("job j is cancelled: it cannot be paused"),
            "job j is cancelled: it cannot be paused; what has ended",
        ),
        (Unavailable("no gateway answers at x: y"), "no gateway answers at x: y; `karya up` starts one; "),
        (Conflict("it has\nended"), "it has ended"),
    ],
)
def test_an_error_says_what_to_do_next_where_that_is_known(error: KaryaError, advice: str) -> None:
    assert complaint(error).startswith(advice)
    assert ("; " in advice) == ("; " in complaint(error))


def test_the_gateway_is_found_through_the_data_directory(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    record = ClusterRecord(
        pid=1, url="http://127.0.0.1:4", ray_address="x", namespace="karya", started_at=now
    )
    record.write(tmp_path)
    assert gateway_url(None, tmp_path) == "http://127.0.0.1:4"
    assert gateway_url("http://other:5/", tmp_path) == "http://other:5/"


def test_the_environment_may_name_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARYA_URL", "http://named:5")
    assert gateway_url(None, None) == "http://named:5"
    assert gateway_url("http://other:5", None) == "http://other:5"
    with pytest.raises(Unavailable, match="no cluster runs"):
        gateway_url(None, tmp_path)
    monkeypatch.setenv("KARYA_URL", "")
    monkeypatch.setenv("KARYA_DATA_DIR", str(tmp_path))
    with pytest.raises(Unavailable, match="no cluster runs"):
        gateway_url(None, None)


def test_a_data_directory_without_a_cluster_is_unavailable_not_wrong(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no cluster runs on the data directory"):
        gateway_url(None, tmp_path)


def test_the_workers_are_counted_in_the_metrics() -> None:
    head = 'karya_scheduler_workers{actor="scheduler",pool='
    text = f'{head}"default"}} 3.0\n{head}"gpu"}} 2.0\nkarya_scheduler_workers_other 9.0\n'
    assert workers_in(text) == 5
    assert workers_in("karya_scheduler_leader 1.0\n") is None
