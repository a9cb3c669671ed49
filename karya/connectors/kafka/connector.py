"""Sends one message per attempt and waits until all in-sync replicas have it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer, errors
from aiokafka.structs import RecordMetadata

from karya.connectors.base import BaseConnector
from karya.connectors.kafka.action import KafkaAction
from karya.connectors.kafka.producer import Producers
from karya.connectors.kafka.settings import KafkaSettings
from karya.connectors.verdict import on_one_line
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import AttemptContext, Tools
from karya.core.times import format_instant, from_millis

PERMANENT = (
    errors.InvalidTopicError,
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.RecordTooLargeError,
    errors.TopicAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.PolicyViolationError,
    errors.InvalidTimestampError,
)
"""What no second try can mend: the message or the permissions must change first."""


class KafkaConnector(BaseConnector[KafkaAction, KafkaSettings]):
    """Sends the action's message, all within `connectors.kafka.timeout`.

    One producer serves all attempts of a worker. It is opened by the first one and put away after every
    failure that may come from it, so a broker may be down at any time, the worker's start included.
    """

    action_type = KafkaAction
    settings_type = KafkaSettings

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(settings)
        self._producers: Producers | None = None

    async def open(self, tools: Tools) -> None:  # noqa: ARG002
        """Reads the TLS files and connects to nothing. Raises ConfigError for a file that is no use."""
        self._producers = Producers(self.settings, self.settings.ssl_context())

    async def close(self) -> None:
        """Closes the producer, in a few seconds at most; does nothing when there is none."""
        if self._producers is not None:
            await self._producers.close()
            self._producers = None

    async def run(self, action: KafkaAction, context: AttemptContext) -> Outcome:
        """One message. Success holds {topic, partition, offset, timestamp}; every failure is a Failure."""
        message = message_of(action, context)
        if message["value"] is None and message["key"] is None:
            return Failure("value: required, unless there is a key to delete", permanent=True, code="request")
        if self._producers is None:
            raise RuntimeError("the kafka connector is not open")
        return await self._send(self._producers, message)

    async def _send(self, producers: Producers, message: Mapping[str, Any]) -> Outcome:
        producer: AIOKafkaProducer | None = None
        seconds = self.settings.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                producer = await producers.current()
                return Success(result_of(await producer.send_and_wait(**message)))
        except errors.UnknownTopicOrPartitionError:
            failure = await _unknown_topic(producer, message["topic"])
        except TimeoutError:
            failure = Failure(f"timed out after {seconds:g} s", code="timeout")
        except AssertionError as error:  # what aiokafka raises about a partition that the topic lacks
            failure = Failure(f"partition: {on_one_line(str(error))}", permanent=True, code="kafka")
        except (errors.KafkaError, OSError, ValueError) as error:
            failure = failure_of(error)
        if producer is not None and not failure.permanent:
            producers.discard(producer)
        return failure


def message_of(action: KafkaAction, context: AttemptContext) -> dict[str, Any]:
    """The arguments of a producer's send. A hook without a value of its own sends the event that fired it."""
    headers = dict(action.headers)
    value = action.value
    if value is None and context.event is not None:
        # CloudEvents, Kafka protocol binding, 3.3: structured content mode
        headers.setdefault("content-type", "application/cloudevents+json; charset=UTF-8")
        value = context.event
    headers |= {
        "karya-task-id": context.task_id,
        "karya-job-id": context.job_id,
        "karya-attempt": str(context.attempt),
        "karya-instant": format_instant(context.instant),
    }
    if context.trace is not None:
        headers |= context.trace.headers
    return {
        "topic": action.topic,
        "value": _bytes(value),
        "key": None if action.key is None else action.key.encode(),
        "partition": action.partition,
        "headers": [(name, text.encode()) for name, text in headers.items()],
    }


def result_of(stored: RecordMetadata) -> dict[str, Any]:
    """Where the message is; an offset or time that the broker does not tell is None."""
    known = stored.timestamp is not None and stored.timestamp >= 0
    return {
        "topic": stored.topic,
        "partition": stored.partition,
        "offset": stored.offset if stored.offset >= 0 else None,
        "timestamp": format_instant(from_millis(stored.timestamp)) if known else None,
    }


def failure_of(error: Exception) -> Failure:
    """The failure behind an error of aiokafka: permanent when no second try can mend it."""
    if isinstance(error, errors.KafkaConnectionError):
        return Failure(f"no broker can be reached: {on_one_line(str(error))}", code="connection")
    text = on_one_line(str(error)) or type(error).__name__
    return Failure(text, permanent=isinstance(error, (*PERMANENT, ValueError)), code="kafka")


async def _unknown_topic(producer: AIOKafkaProducer | None, topic: str) -> Failure:
    """aiokafka calls a topic unknown also when no broker answers: permanent only if one does."""
    if producer is not None and await _answers(producer):
        return Failure(f"topic: the brokers have no topic {topic!r}", permanent=True, code="kafka")
    return Failure("no broker can be reached", code="connection")


async def _answers(producer: AIOKafkaProducer) -> bool:
    try:
        async with asyncio.timeout(1):
            await producer.client.fetch_all_metadata()
    except (errors.KafkaError, OSError):
        return False
    return True


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, str):
        return None if value is None else value.encode()
    return orjson.dumps(value)
