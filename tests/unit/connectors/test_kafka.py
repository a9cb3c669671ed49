"""The kafka connector against a real broker, up, down, and back again."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from karya.connectors.kafka import KafkaAction, KafkaConnector, KafkaSettings
from karya.connectors.kafka.connector import message_of
from karya.connectors.kafka.producer import FLUSH_SECONDS
from karya.core.action import Action
from karya.core.errors import ConfigError
from karya.core.outcome import Failure, Success
from karya.core.ports import Tools
from karya.core.trace import Trace
from tests.support.kafka import Broker, running_broker, tls_broker
from tests.unit.connectors.conformance import CONTEXT, Conformance

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EVENT = '{"specversion":"1.0","id":"0193-task","type":"karya.on_failure"}'


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with running_broker() as broker:
        yield broker


def settings(broker: Broker, **fields: Any) -> KafkaSettings:
    """Settings for the broker of the tests, which numbers no producers (idempotence)."""
    return KafkaSettings.model_validate(
        {"bootstrap_servers": broker.address, "idempotent": False, "timeout": "PT4S"} | fields
    )


@pytest.fixture
async def kafka(broker: Broker) -> AsyncIterator[KafkaConnector]:
    connector = KafkaConnector(settings(broker))
    await connector.open(Tools())
    yield connector
    await connector.close()


class TestKafka(Conformance):
    @pytest.fixture(autouse=True)
    async def _broker(self, broker: Broker) -> None:
        self.broker = broker

    def connector(self) -> KafkaConnector:
        return KafkaConnector(settings(self.broker))

    def good_action(self) -> Action:
        return KafkaAction(topic="good", value={"a": 1})

    def bad_actions(self) -> list[Action]:
        return [KafkaAction(topic="good", value="x", partition=99), KafkaAction(topic="good")]


async def test_key_headers_and_value_arrive(broker: Broker, kafka: KafkaConnector) -> None:
    before = time.time()
    wanted = KafkaAction(
        topic="orders", key="k-ü", value={"a": [1, "ü"]}, headers={"kind": "x-ü"}, partition=0
    )
    outcome = await kafka.run(wanted, CONTEXT)
    (record,) = await broker.records("orders", 1)
    assert record.key.decode() == "k-ü"
    assert record.value == '{"a":[1,"ü"]}'.encode()
    assert {name: value.decode() for name, value in record.headers} == {
        "kind": "x-ü",
        "karya-task-id": CONTEXT.task_id,
        "karya-job-id": CONTEXT.job_id,
        "karya-attempt": "2",
        "karya-instant": "2026-11-23T08:00:00.250Z",
    }
    assert isinstance(outcome, Success)
    assert outcome.result.keys() == {"topic", "partition", "offset", "timestamp"}
    assert (outcome.result["topic"], outcome.result["partition"], outcome.result["offset"]) == (
        "orders",
        0,
        0,
    )
    assert outcome.result["timestamp"].endswith("Z")
    assert before - 1 < record.timestamp / 1000 < time.time() + 1


@pytest.mark.parametrize(
    ("value", "sent"), [("plain ü", "plain ü".encode()), ("", b""), (0, b"0"), (False, b"false"), ([], b"[]")]
)
async def test_values(broker: Broker, kafka: KafkaConnector, value: Any, sent: bytes) -> None:
    assert isinstance(await kafka.run(KafkaAction(topic="values", value=value), CONTEXT), Success)
    (record,) = await broker.records("values", 1)
    assert (record.key, record.value) == (None, sent)


async def test_a_key_alone_deletes_it(broker: Broker, kafka: KafkaConnector) -> None:
    assert isinstance(await kafka.run(KafkaAction(topic="compact", key="k"), CONTEXT), Success)
    (record,) = await broker.records("compact", 1)
    assert (record.key, record.value) == (b"k", None)


async def test_a_hook_without_a_value_sends_its_event(broker: Broker, kafka: KafkaConnector) -> None:
    hook = replace(CONTEXT, event=EVENT)
    await kafka.run(KafkaAction(topic="hooks", key="k", partition=0), hook)
    await kafka.run(KafkaAction(topic="hooks", value="mine", partition=0), hook)
    event, own = await broker.records("hooks", 2)
    assert event.value.decode() == EVENT
    assert dict(event.headers)["content-type"] == b"application/cloudevents+json; charset=UTF-8"
    assert own.value == b"mine"
    assert "content-type" not in dict(own.headers)


def test_a_message_tells_of_the_trace() -> None:
    traced = replace(CONTEXT, trace=Trace(parent=PARENT, state="vendor=a"))
    headers = dict(message_of(KafkaAction(topic="t", key="k"), traced)["headers"])
    assert headers["traceparent"] == PARENT.encode() and headers["tracestate"] == b"vendor=a"
    assert "traceparent" not in dict(message_of(KafkaAction(topic="t", key="k"), CONTEXT)["headers"])


async def test_offsets_rise(kafka: KafkaConnector) -> None:
    wanted = KafkaAction(topic="rise", value="x", partition=1)
    outcomes = [await kafka.run(wanted, CONTEXT) for _ in range(3)]
    assert [getattr(outcome, "result", {}).get("offset") for outcome in outcomes] == [0, 1, 2]


async def test_nothing_to_send_is_permanent(kafka: KafkaConnector) -> None:
    assert await kafka.run(KafkaAction(topic="t"), CONTEXT) == Failure(
        "value: required, unless there is a key to delete", permanent=True, code="request"
    )


async def test_a_partition_that_is_not_there_is_permanent(kafka: KafkaConnector) -> None:
    outcome = await kafka.run(KafkaAction(topic="t", value="x", partition=99), CONTEXT)
    assert outcome == Failure("partition: Unrecognized partition", permanent=True, code="kafka")


async def test_a_message_that_is_too_large_is_permanent(kafka: KafkaConnector) -> None:
    outcome = await kafka.run(KafkaAction(topic="t", value="x" * 1024 * 1024), CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.permanent
    assert "larger than the maximum request size" in outcome.error
    assert isinstance(await kafka.run(KafkaAction(topic="t", value="x" * 900_000), CONTEXT), Success)


async def test_a_topic_that_nobody_knows_is_permanent(kafka: KafkaConnector) -> None:
    # This broker makes topics when they are asked for, so only a name that no action may have is unknown.
    unknown = KafkaAction(topic="t", value="x").model_copy(update={"topic": "no such topic"})
    outcome = await kafka.run(unknown, CONTEXT)
    assert outcome == Failure(
        "topic: the brokers have no topic 'no such topic'", permanent=True, code="kafka"
    )


async def test_a_broker_may_be_down_at_the_start_and_come_back(broker: Broker) -> None:
    broker.kill()
    connector = KafkaConnector(settings(broker))
    await connector.open(Tools())
    began = time.monotonic()
    outcome = await connector.run(KafkaAction(topic="t", value="x"), CONTEXT)
    assert time.monotonic() - began < 20
    assert isinstance(outcome, Failure)
    assert not outcome.permanent
    assert outcome.error.startswith("no broker can be reached")
    await broker.start()
    assert isinstance(await connector.run(KafkaAction(topic="t", value="x"), CONTEXT), Success)
    await connector.close()


@pytest.mark.parametrize("topic", ["seen", "unseen"])
async def test_a_broker_that_dies_in_between_is_a_retryable_failure(
    broker: Broker, kafka: KafkaConnector, topic: str
) -> None:
    assert isinstance(await kafka.run(KafkaAction(topic="seen", value="1"), CONTEXT), Success)
    broker.kill()
    began = time.monotonic()
    outcome = await kafka.run(KafkaAction(topic=topic, value="2"), CONTEXT)
    assert time.monotonic() - began < 20
    assert isinstance(outcome, Failure)
    assert not outcome.permanent, outcome
    await broker.start()
    again = await kafka.run(KafkaAction(topic=topic, value="3"), CONTEXT)
    assert isinstance(again, Success)
    assert (await broker.records(topic, 1))[0].value == b"3"


async def test_a_broker_that_never_answers_costs_the_attempt_and_nothing_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        server = f"127.0.0.1:{deaf.getsockname()[1]}"
        connector = KafkaConnector(
            KafkaSettings.model_validate({"bootstrap_servers": server, "timeout": "PT1S"})
        )
        await connector.open(Tools())
        began = time.monotonic()
        runs = (connector.run(KafkaAction(topic="t", value="x"), CONTEXT) for _ in range(30))
        outcomes = await asyncio.gather(*runs)
        assert time.monotonic() - began < 15
        await connector.close()
        assert time.monotonic() - began < 25
    assert all(isinstance(outcome, Failure) and not outcome.permanent for outcome in outcomes)


async def test_a_broker_that_freezes_costs_one_deadline(broker: Broker) -> None:
    connector = KafkaConnector(settings(broker, timeout="PT3S"))
    await connector.open(Tools())
    wanted = KafkaAction(topic="t", value="x")
    assert isinstance(await connector.run(wanted, CONTEXT), Success)
    broker.freeze()
    began = time.monotonic()
    outcomes = await asyncio.gather(*(connector.run(wanted, CONTEXT) for _ in range(30)))
    assert time.monotonic() - began < 20
    assert all(isinstance(outcome, Failure) and not outcome.permanent for outcome in outcomes)
    broker.kill()
    await broker.start()
    assert isinstance(await connector.run(wanted, CONTEXT), Success)
    await connector.close()


async def test_a_broker_without_idempotence_is_named(broker: Broker) -> None:
    connector = KafkaConnector(settings(broker, idempotent=True))
    await connector.open(Tools())
    outcome = await connector.run(KafkaAction(topic="t", value="x"), CONTEXT)
    await connector.close()
    assert isinstance(outcome, Failure)
    assert not outcome.permanent


async def test_closing_gives_up_what_no_broker_takes(broker: Broker) -> None:
    connector = KafkaConnector(settings(broker, timeout="PT5M"))
    await connector.open(Tools())
    wanted = KafkaAction(topic="t", value="x")
    assert isinstance(await connector.run(wanted, CONTEXT), Success)
    broker.kill()
    run = asyncio.create_task(connector.run(wanted, CONTEXT))
    await asyncio.sleep(0)
    began = time.monotonic()
    await connector.close()
    assert time.monotonic() - began < 2 * FLUSH_SECONDS + 20
    outcome = await asyncio.wait_for(run, 30)
    assert isinstance(outcome, Failure)
    assert not outcome.permanent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("topic", ""),
        ("topic", "a b"),
        ("topic", ".."),
        ("topic", "x" * 250),
        ("value", {1: 2}),
        ("value", "x" * 1024 * 1024 + "x"),
        ("key", "\ud800"),
        ("key", 7),
        ("headers", {"Karya-Task-Id": "x"}),
        ("headers", {"": "x"}),
        ("headers", {"a": "x" * 65_536}),
        ("headers", {"a": 1}),
        ("partition", -1),
        ("partition", "first"),
        ("acks", 0),
    ],
)
def test_actions_that_cannot_be_sent_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        KafkaAction.model_validate({"topic": "t", "value": "x", field: value})
    (error,) = caught.value.errors()
    assert error["loc"][0] == field


@pytest.mark.parametrize(
    ("servers", "read"),
    [("a:1", ("a:1",)), ("a:1, b.c:2", ("a:1", "b.c:2")), (["[::1]:9092"], ("[::1]:9092",))],
)
def test_brokers_come_as_a_list_or_a_text(servers: Any, read: tuple[str, ...]) -> None:
    assert KafkaSettings.model_validate({"bootstrap_servers": servers}).bootstrap_servers == read


@pytest.mark.parametrize(
    "fields",
    [
        {"bootstrap_servers": "nobody"},
        {"bootstrap_servers": "http://a:1"},
        {"bootstrap_servers": []},
        {"bootstrap_servers": ""},
        {"security_protocol": "SASL_SSL"},
        {"sasl_username": "u", "sasl_password": "p"},
        {"ssl_ca": "ca.pem"},
        {"security_protocol": "SSL", "ssl_key": "k.pem"},
        {"acks": 1},
        {"timeout": "PT0S"},
    ],
)
def test_settings_that_do_not_fit_together_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KafkaSettings.model_validate({"bootstrap_servers": "a:1"} | fields)


def test_there_is_no_configuration_without_brokers() -> None:
    with pytest.raises(ValidationError):
        KafkaSettings.model_validate({})


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """A server of our authority that wants to see a certificate of it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("trusted", [True, False])
async def test_tls_both_ways(authority: trustme.CA, tmp_path: Path, trusted: bool) -> None:
    ca = authority if trusted else trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = authority.issue_cert("karya@example.com")
    client.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    files = {"ssl_ca": str(tmp_path / "ca.pem"), "ssl_cert": str(tmp_path / "client.pem")}
    async with tls_broker(server_context(authority)) as address:
        fields = {
            "bootstrap_servers": address,
            "security_protocol": "SSL",
            "idempotent": False,
            "timeout": "PT3S",
        }
        connector = KafkaConnector(KafkaSettings.model_validate(fields | files))
        await connector.open(Tools())
        outcome = await connector.run(KafkaAction(topic="t", value="x"), CONTEXT)
        await connector.close()
    assert isinstance(outcome, Success if trusted else Failure)
    assert not isinstance(outcome, Failure) or not outcome.permanent


async def test_tls_files_are_read_at_the_start() -> None:
    fields = {"bootstrap_servers": "h:9093", "security_protocol": "SSL", "ssl_ca": "/nowhere.pem"}
    with pytest.raises(ConfigError, match=r"connectors\.kafka: cannot use ssl_ca"):
        await KafkaConnector(KafkaSettings.model_validate(fields)).open(Tools())
