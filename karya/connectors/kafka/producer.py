"""The one producer of a worker: opened when it is first needed, replaced after it failed."""

import asyncio
import ssl
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from karya.connectors.kafka.settings import KafkaSettings

FLUSH_SECONDS = 2.0
"""How long a producer that is put away may finish what others have given it."""


class Producers:
    """Hands out the producer. A broker that is down costs attempts, never the worker's start."""

    def __init__(self, settings: KafkaSettings, context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._context = context
        self._current: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def current(self) -> AIOKafkaProducer:
        """The producer, connected. Raises KafkaError when no broker answers."""
        async with self._starting:
            if self._current is None:
                self._current = await self._started()
            return self._current

    def discard(self, producer: AIOKafkaProducer) -> None:
        """Puts a producer away that may be broken: the next attempt gets another one."""
        if self._current is producer:
            self._current = None
            task = asyncio.create_task(_retire(producer), name="karya-kafka-retire")
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def close(self) -> None:
        """Closes all of them, in a few seconds at most."""
        if self._current is not None:
            self.discard(self._current)
        await asyncio.gather(*self._retiring, return_exceptions=True)

    async def _started(self) -> AIOKafkaProducer:
        producer = self._made()
        try:
            await producer.start()
        except BaseException:
            await _retire(producer)
            raise
        return producer

    def _made(self) -> AIOKafkaProducer:
        settings = self._settings
        password = settings.sasl_password
        return AIOKafkaProducer(
            bootstrap_servers=list(settings.bootstrap_servers),
            client_id=settings.client_id,
            request_timeout_ms=int(settings.timeout.total_seconds() * 500),
            acks="all",
            enable_idempotence=settings.idempotent,
            security_protocol=settings.security_protocol,
            ssl_context=self._context,
            sasl_mechanism=settings.sasl_mechanism,
            sasl_plain_username=settings.sasl_username,
            sasl_plain_password=password.get_secret_value() if password else None,
        )


async def _retire(producer: AIOKafkaProducer) -> None:
    stopping = asyncio.create_task(producer.stop(), name="karya-kafka-stop")
    try:
        await asyncio.wait({stopping}, timeout=FLUSH_SECONDS)
        if not stopping.done():
            # An idempotent producer never gives up a message, and stop() waits for all of them: this is
            # the only way to end it, and aiokafka has no public one.
            producer._message_accumulator.fail_all(KafkaTimeoutError())
            await asyncio.wait({stopping}, timeout=FLUSH_SECONDS)
        if not stopping.done():
            stopping.cancel()
    finally:
        with suppress(Exception, asyncio.CancelledError):
            await stopping
        with suppress(KafkaError, OSError):
            await producer.client.close()
