"""A collector of traces on loopback: takes OTLP over HTTP and decodes it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.eventually import eventually
from tests.support.target import Target, respond

PATH = "/v1/traces"


@dataclass(frozen=True)
class Span:
    """One span that arrived; ids are in hexadecimal digits, those that are missing empty."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    is_error: bool
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...]
    resource: dict[str, Any]


class Collector:
    """What has arrived so far."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.url = target.at(PATH, respond(200))

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Collector"]:
        """One that runs."""
        with Target.running() as target:
            yield cls(target)

    def spans(self) -> list[Span]:
        """All of them."""
        return [span for call in self._target.calls_to(PATH) for span in _decoded(call.body)]

    def of_job(self, job_id: str) -> list[Span]:
        """Those of one job."""
        return [span for span in self.spans() if span.attributes.get("karya.job.id") == job_id]

    def until(self, complete: Callable[[Sequence[Span]], bool], timeout: float = 60) -> list[Span]:
        """Waits for what is sent in batches; all spans as soon as they are complete."""
        return eventually(lambda: spans if complete(spans := self.spans()) else [], timeout, "the spans")


def _decoded(body: bytes) -> Iterator[Span]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _plain(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    kind=span.kind,
                    is_error=span.status.code == span.status.STATUS_CODE_ERROR,
                    attributes=_plain(span.attributes),
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    resource=resource,
                )


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
