"""Ids of spans that are known before their spans are."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class Ids(RandomIdGenerator):
    """Random ids, unless the next span has been given its own. Belongs to one event loop: between `fixed` and
    the start of the span nothing may be awaited."""

    def __init__(self) -> None:
        self._trace_id: int | None = None
        self._span_id: int | None = None

    @contextmanager
    def fixed(self, trace_id: int | None = None, span_id: int | None = None) -> Iterator[None]:
        """A span that is started meanwhile has this id; one without a parent, this trace."""
        self._trace_id, self._span_id = trace_id, span_id
        try:
            yield
        finally:
            self._trace_id = self._span_id = None

    def is_trace_id_random(self) -> bool:
        """See IdGenerator. Those that are derived look random, and are not."""
        return False

    def generate_trace_id(self) -> int:
        """See IdGenerator."""
        return super().generate_trace_id() if self._trace_id is None else self._trace_id

    def generate_span_id(self) -> int:
        """See IdGenerator."""
        return super().generate_span_id() if self._span_id is None else self._span_id
