"""Events as they read on the wire."""

from typing import Any, Literal

from karya.core.events import EventKind
from karya.core.times import Instant
from karya.core.views.base import View


class EventView(View):
    """A CloudEvent 1.0 in the structured mode. Its `id` is the position behind it in the order of all events;
    `data` depends on its type."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: EventKind
    subject: str
    time: Instant
    datacontenttype: Literal["application/json"]
    data: dict[str, Any]
