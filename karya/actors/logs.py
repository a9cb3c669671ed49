"""Logging: one structured line for each event, for people or for machines.

Whatever is logged while an attempt runs, by Karya, by a connector or by a library, says which one it is: see
`attempt`. Libraries that use Python's own logging are heard from `warning` on. What fields are called is in
docs/reference/logs.md.
"""

import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from karya.actors.scrubbing import printable, scrubbed
from karya.core.settings import LogSettings


class Named(Protocol):
    """What log lines can be about."""

    def log_fields(self) -> Mapping[str, Any]:
        """The ids that tell it from others. Asked for only when a line is written."""


subject: ContextVar[Named | None] = ContextVar("subject", default=None)
"""What this context works on. Whoever starts a task of asyncio sets it there; a batch has none."""


def configure_logs(settings: LogSettings, actor: str | None = None, **ids: str) -> None:
    """Sets up this process's log lines on standard output, each with the name of the actor and these ids: a
    worker's own is `worker`, under which it holds leases."""
    own: dict[str, Any] = ids if actor is None else {"actor": actor, **ids}
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _with(own),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _scrub,
    ]
    level = logging.getLevelName(settings.level.upper())
    last = _last(settings)
    structlog.configure(
        processors=[*common, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    _hear_libraries([*common, structlog.stdlib.add_logger_name], last, max(level, logging.WARNING))


def _last(settings: LogSettings) -> list[Processor]:
    if settings.format == "json":
        return [structlog.processors.JSONRenderer()]
    return [_make_printable, structlog.dev.ConsoleRenderer(colors=False)]


def _with(own: Mapping[str, Any]) -> Processor:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        about = subject.get()
        return {**own, **(about.log_fields() if about else {}), **event}

    return add


def _scrub(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return dict(scrubbed(event))


def _make_printable(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}


class _LibraryHandler(logging.StreamHandler[Any]):
    """Known by its class when the logs are set up again."""


def _hear_libraries(first: list[Processor], last: list[Processor], level: int) -> None:
    handler = _LibraryHandler(sys.stdout)
    handler.setLevel(level)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for older in [one for one in root.handlers if isinstance(one, _LibraryHandler)]:
        root.removeHandler(older)
    root.addHandler(handler)
