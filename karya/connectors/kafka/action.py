"""What a kafka action may hold."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from karya.core.action import Action
from karya.core.asking import SELDOM
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

    model_config = ConfigDict(title="Kafka message")

    type: Literal["kafka"] = "kafka"
    topic: Annotated[
        str,
        Shaped(r"[A-Za-z0-9._-]{1,249}", "a topic is 1 to 249 letters, digits and . _ -"),
        AfterValidator(_topic),
        Field(examples=["reports"]),
    ]
    value: Annotated[JsonBody, Field(examples=[{"day": "monday"}])] = None
    """JSON, or a text that is sent as it is. Without one a message deletes its key; that of a hook holds the
    event."""
    key: Annotated[Annotated[Text, Field(max_length=64 * 1024)] | None, Field(examples=["report-7"])] = None
    """Messages with the same key stay in order."""
    headers: Annotated[
        dict[Text, Text],
        Field(max_length=100, default_factory=dict, examples=[{"source": "karya"}], json_schema_extra=SELDOM),
        AfterValidator(_free_headers),
    ]
    partition: Annotated[
        Annotated[int, Field(ge=0, le=2**31 - 1)] | None, Field(json_schema_extra=SELDOM)
    ] = None
    """None: by the key, or any partition without one."""
