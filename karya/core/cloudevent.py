"""CloudEvents 1.0 in JSON: the form in which everything that happens is told, to hooks and to listeners."""

from collections.abc import Mapping
from typing import Any

import orjson


def cloud_event(
    ident: str, *, kind: str, source: str, subject: str, at: str, data: Mapping[str, Any]
) -> bytes:
    """One event in the structured mode; `at` is RFC 3339, `source` and `subject` say what it is about."""
    event = {
        "specversion": "1.0",
        "id": ident,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": at,
        "datacontenttype": "application/json",
        "data": data,
    }
    return orjson.dumps(event)


def job_source(job_id: str) -> str:
    """The source of all that happens to a job."""
    return f"/v1/jobs/{job_id}"
