"""What a kafka action may hold."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from karya.core.action import Action
from karya.core.json_fields import JsonBody
from karya.core.text import Shaped

MAX_HEADER_BYTES = 64 * 1024
OWN_HEADERS = "karya-"


def _topic(name: str) -> str:
    if name in (".", ".."):
        raise ValueError(f"{name!r} is no name for a topic")
    return name


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"not text: {error}") from None
    return text


def _free_headers(headers: dict[str, str]) -> dict[str, str]:
    for name in headers:
        if not name or name.lower().startswith(OWN_HEADERS):
            raise ValueError(
                f"{name!r} cannot be set: a name is not empty, and Karya writes {OWN_HEADERS}… itself"
            )
    if sum(len(f"{name}{value}".encode()) for name, value in headers.items()) > MAX_HEADER_BYTES:
        raise ValueError(f"all headers together are at most {MAX_HEADER_BYTES:,} bytes")
    return headers


Text = Annotated[str, AfterValidator(_encodable)]


class KafkaAction(Action):
    """One message for a topic. Success is the acknowledgement of all in-sync replicas.

    A string value is sent as UTF-8, anything else as JSON. Without a value a hook sends the event that
    fired it; any other action needs a key then, and the message deletes that key (compaction).
    """

    type: Literal["kafka"] = "kafka"
    topic: Annotated[
        str,
        Shaped(r"[A-Za-z0-9._-]{1,249}", "a topic is 1 to 249 letters, digits and . _ -"),
        AfterValidator(_topic),
    ]
    value: JsonBody = None
    key: Annotated[Text, Field(max_length=64 * 1024)] | None = None
    headers: Annotated[dict[Text, Text], Field(max_length=100), AfterValidator(_free_headers)] = Field(
        default_factory=dict
    )
    partition: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """None: by the key, or any partition without one."""
