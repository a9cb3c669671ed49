"""Log lines say which attempt they are about, and tell no secrets."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from time import process_time
from typing import Any

import pytest
import structlog

from karya.actors.logs import _LibraryHandler, configure_logs, subject
from karya.actors.scrubbing import printable, scrubbed
from karya.core.coalesce import Coalescer
from karya.core.settings import LogSettings
from karya.core.user import TokenSpec, new_token
from karya.core.words import some
from tests.support.story import NOW


class About:
    def log_fields(self) -> Mapping[str, Any]:
        return {"job": "j", "task": "t", "attempt": 2, "worker": "w@h/1"}


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _LibraryHandler)]:
        root.removeHandler(handler)


def lines(write: Any, ids: Mapping[str, str] | None = None, **settings: Any) -> list[str]:
    out = io.StringIO()
    with redirect_stdout(out):
        configure_logs(LogSettings(**settings), "worker-0", **(ids or {}))
        write(structlog.get_logger("karya.test"))
    return out.getvalue().splitlines()


def read(write: Any, ids: Mapping[str, str] | None = None, **settings: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(write, ids, format="json", **settings)]


def test_a_line_has_its_actor_and_no_ids_outside_of_attempts() -> None:
    (line,) = read(lambda log: log.warning("something", count=1))
    assert (line["event"], line["actor"], line["level"], line["count"]) == (
        "something",
        "worker-0",
        "warning",
        1,
    )
    assert not {"job", "task"} & line.keys()


def test_whatever_is_written_during_an_attempt_has_its_ids() -> None:
    def write(log: Any) -> None:
        token = subject.set(About())
        log.info("own")
        logging.getLogger("library").warning("of %s", "a library")
        subject.reset(token)

    own, foreign = read(write)
    for line in (own, foreign):
        assert {key: line[key] for key in ("job", "task", "attempt", "worker")} == About().log_fields()
    assert (foreign["event"], foreign["logger"], foreign["actor"]) == ("of a library", "library", "worker-0")


def test_whatever_a_worker_writes_has_its_name() -> None:
    def write(log: Any) -> None:
        log.warning("renewal_failed", tasks=some(str(number) for number in range(30)), count=30)
        logging.getLogger("library").warning("of a library")
        log.info("task_reaped", worker="of another one")

    own, foreign, other = read(write, {"worker": "worker-0@host/1-a"})
    assert own["worker"] == foreign["worker"] == "worker-0@host/1-a"
    assert own["tasks"] == [str(number) for number in range(10)]
    assert other["worker"] == "of another one"


async def test_a_batch_is_about_nobody() -> None:
    seen: list[object] = []

    async def write(items: Any) -> list[None]:
        seen.append(subject.get())
        return [None] * len(items)

    token = subject.set(About())
    await Coalescer(write, 10).add(1)
    subject.reset(token)
    assert seen == [None]
    await asyncio.sleep(0)


def test_what_is_less_serious_than_the_level_is_left_out() -> None:
    def write(log: Any) -> None:
        log.info("quiet")
        log.error("loud")
        logging.getLogger("library").warning("quiet")

    assert [line["event"] for line in read(write, level="error")] == ["loud"]


def test_libraries_are_heard_from_warning_on() -> None:
    def write(_: Any) -> None:
        logging.getLogger("library").warning("loud")
        logging.getLogger("library").info("quiet")

    assert [line["event"] for line in read(write, level="debug")] == ["loud"]


def secret() -> str:
    return new_token(TokenSpec(user_id="0" * 36), NOW)[1]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("mongodb://ada:hunter22@db:27017/karya", "hunter22"),
        ("Authorization: Bearer abcdefghijkl.mnop", "abcdefghijkl"),
        ("basic YWRhOmh1bnRlcjIy", "YWRhOmh1bnRlcjIy"),
        ("xoxb-1234567890-abcdef", "1234567890"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8"),
        ("kafka://ada:hunter@22@broker:9092", "hunter@22"),
        ("kafka://ada:hunter@22@broker:9092", "22@"),
        ("GET https://target/a?user=ada&api_key=s3cr3t&page=2 failed", "s3cr3t"),
        ("calling https://hooks.slack.com/services/T0/B0/XyZ123", "XyZ123"),
        ("{'Authorization': 'hunter22', 'X-Api-Key': 'k3y', 'accept': '*/*'}", "hunter22"),
        ("{'Authorization': 'hunter22', 'X-Api-Key': 'k3y', 'accept': '*/*'}", "k3y"),
        ('{"clientSecret": "s3cr3t", "id": 7}', "s3cr3t"),
        ("Cookie: a=1; session=s3cr3t", "s3cr3t"),
        ("Authorization: ApiKey s3cr3t", "s3cr3t"),
        ("password=hunter22 host=db", "hunter22"),
        ("who has eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmVk", "eyJzdWIi"),
    ],
)
def test_what_looks_like_a_secret_is_struck_out(text: str, hidden: str) -> None:
    def fail(log: Any) -> None:
        try:
            raise ValueError(text)
        except ValueError:
            log.exception("failed", error=text, deep={"list": [text]}, token=hidden)
        logging.getLogger("library").error(text)

    for settings in ({"format": "json"}, {"format": "console"}):
        written = "\n".join(lines(fail, **settings))
        assert "…" in written.encode().decode("unicode_escape") or "…" in written
        assert hidden not in written


def test_tokens_of_karya_are_struck_out_and_metrics_are_not() -> None:
    made = secret()
    assert made not in scrubbed(f"who had {made}?")
    name = "karya_executor_task_success_execution_count"
    assert scrubbed(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "GET https://target/a?page=2 answered 503 at 12:00:01",
        "tcp://127.0.0.1:4711",
        "not within 30 s: the store does not answer",
        "takes 3 tokens of 4",
        "ConfigError: connectors.rest.retries: must be at least 1",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrubbed(text) == text
    assert scrubbed({"event": text, "token": 3}) == {"event": text, "token": 3}


def test_a_long_line_takes_no_time_to_search() -> None:
    began = process_time()
    scrubbed("a-" * 100_000 + ":" * 100_000)
    assert process_time() - began < 2


def test_nobody_forges_a_line_on_the_console() -> None:
    written = lines(lambda log: log.info("x", path="/\x1b[2J\r\tleading"))
    assert len(written) == 1 and "\x1b" not in written[0] and "\\x1b[2J" in written[0]
    assert printable("a\nb") == "a\nb"
