"""The `rest` connector: one HTTP request per attempt, on aiohttp."""

from karya.connectors.rest.connector import RestConnector
from karya.connectors.rest.settings import RestSettings

__all__ = ["RestConnector", "RestSettings"]
