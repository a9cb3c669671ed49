"""What both clients have in common, and the blocking one: those who need no other never load motor.

Every write waits for a majority and its journal; every read goes to the primary.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import pymongo
import structlog
from bson.codec_options import CodecOptions
from pymongo.database import Database
from pymongo.errors import PyMongoError

from karya.core.errors import ConfigError, StoreRefuses, StoreUnavailable
from karya.core.settings import StoreSettings
from karya.store.listening import RoundTrip, RoundTrips
from karya.store.refusals import codes_of, is_final, is_refusal

log = structlog.get_logger("karya.store")

Document = dict[str, Any]
SyncDatabase = Database[Document]

NAIVE_DATES: CodecOptions[Document] = CodecOptions(document_class=dict)
"""For reading many dates: they are in UTC either way, and the driver calls into Python to say so of each."""

_CAUSE = " :: caused by :: "

CODEC: CodecOptions[Document] = CodecOptions(document_class=dict, tz_aware=True, tzinfo=UTC)


def sync_database(settings: StoreSettings, url: str, on_round_trip: RoundTrip | None = None) -> SyncDatabase:
    """The database for the scheduler's thread and for start-up."""
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(
        url, **options_for(settings, url, on_round_trip)
    )
    return client.get_database(settings.database, codec_options=CODEC)


def options_for(settings: StoreSettings, url: str, on_round_trip: RoundTrip | None) -> dict[str, Any]:
    """With what a client is made. Raises ConfigError for a bad URL."""
    milliseconds = int(settings.timeout.total_seconds() * 1000)
    check_url(url)
    return {  # these win over the URL; of the client, so that transactions commit by them too
        "w": "majority",
        "journal": True,
        "readPreference": "primary",
        "serverSelectionTimeoutMS": milliseconds,
        "connectTimeoutMS": milliseconds,
        "socketTimeoutMS": milliseconds * 2,
        "retryWrites": True,
        "appname": "karya",
        "event_listeners": [RoundTrips(on_round_trip)] if on_round_trip else [],
    }


def check_url(url: str) -> None:
    """Raises ConfigError for what is no URL of a MongoDB."""
    try:
        pymongo.uri_parser.parse_uri(url, validate=True, warn=False)
    except (PyMongoError, ValueError) as error:
        raise ConfigError(f"store.url: {error}") from None


@contextmanager
def translated() -> Iterator[None]:
    """Turns whatever the driver raises into StoreUnavailable: the caller cannot know what was written."""
    try:
        yield
    except PyMongoError as error:
        raise unavailable(error) from error


def unavailable(error: PyMongoError) -> StoreUnavailable:
    """What an error of the driver is to the callers of the store. What will be refused at every try is
    logged: a caller that tries again would hide it."""
    message = f"MongoDB does not acknowledge: {first_line(error)}"
    if not is_refusal(error):
        return StoreUnavailable(message)
    if is_final(error):
        log.error("store_refuses", code=min(codes_of(error), default=None), error=first_line(error))
    return StoreRefuses(message)


def first_line(error: BaseException) -> str:
    """The first words of a driver's error, without its topology dump; of one that begins with a query and
    its values, the last ones, which say what was wrong with it."""
    lines = str(error).split(", Timeout:")[0].split(", full error:")[0].splitlines() or [""]
    words = lines[-1].rpartition(_CAUSE)[2] if _CAUSE in lines[-1] and len(lines) > 1 else lines[0]
    return words[:300] or repr(error)
