"""What is known of traces without any library: which one work belongs to, in the terms of W3C Trace Context.

Ids that nobody gave are derived from what the work is, so a process that dies takes no trace with it: whoever
goes on says the same ids. Only what came from outside, or from the span of a submission, is stored.
"""

import hashlib
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from karya.core.times import format_instant

MAX_STATE_CHARS = 512
"""What W3C Trace Context (3.3.1.5) asks everybody to carry of a `tracestate`."""

_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.*)?"
)
_STATE = re.compile(r"[ -~]*")


class Trace(BaseModel):
    """A span that work belongs to."""

    model_config = ConfigDict(frozen=True)

    parent: Annotated[str, Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
    """Its `traceparent`."""
    state: str | None = None
    """Its `tracestate`."""
    follows: bool = False
    """The work has traces of its own, which link to the span: each occurrence of a recurring job is one."""

    @property
    def headers(self) -> Mapping[str, str]:
        """How targets are told of it."""
        own = {"traceparent": self.parent}
        return {**own, "tracestate": self.state} if self.state else own

    @property
    def trace_id(self) -> int:
        """The trace."""
        return int(self.parent[3:35], 16)

    @property
    def span_id(self) -> int:
        """The span."""
        return int(self.parent[36:52], 16)

    @property
    def flags(self) -> int:
        """`trace-flags`; bit 0 says that it is sampled."""
        return int(self.parent[53:55], 16)

    def followed(self) -> "Trace":
        """The same, to be linked to."""
        return self.model_copy(update={"follows": True})


caller: ContextVar[Trace | None] = ContextVar("caller", default=None)
"""The span of whoever asks, where they said so."""


def received(parent: str, state: str | None = None) -> Trace | None:
    """The span that these headers name; None when the first is no `traceparent`: W3C Trace Context (2.2.2 and
    3.2.2.4) has whoever cannot read it begin a trace of their own."""
    match = _PARENT.fullmatch(parent)
    if match is None or match["version"] == "ff" or (match["version"] == "00" and match["more"]):
        return None
    if not int(match["trace"], 16) or not int(match["span"], 16):
        return None
    carried = state if state and len(state) <= MAX_STATE_CHARS and _STATE.fullmatch(state) else None
    return Trace(parent=f"00{parent[2:55]}", state=carried)


def written(trace_id: int, span_id: int, flags: int) -> str:
    """The `traceparent` of a span."""
    return f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}"


def trace_of_job(job_id: str) -> int:
    """The trace of a submission that belongs to none. All its bits are a hash, unlike those of the job's own
    id: samplers decide by them."""
    return _hash(16, "job", job_id)


def trace_of_occurrence(job_id: str, instant: datetime) -> int:
    """The trace of an occurrence that only follows a submission, or that nobody knows the submission of."""
    return _hash(16, "occurrence", job_id, format_instant(instant))


def span_of_task(task_id: str) -> int:
    """The span that holds all attempts at a task, whichever worker makes them."""
    return _hash(8, "task", task_id)


def _hash(size: int, *parts: str) -> int:
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=size, person=b"karya-trace").digest()
    return int.from_bytes(digest) or 1
