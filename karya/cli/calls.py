"""The client with which a command asks the gateway."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from karya.cli.config import load_settings
from karya.core.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from karya.client import Client

PATIENCE = 3.0
"""For how many seconds a command tries again what failed and can do no harm: somebody sits and waits."""


@contextmanager
def gateway(url: str | None, data_dir: Path | None, patience: float = PATIENCE) -> "Iterator[Client]":
    """A client of the gateway at this URL, else of the cluster which runs on the data directory. Its token is
    in the environment variable KARYA_TOKEN. Raises as `gateway_url`, and ConfigError for a wrong URL."""
    from karya.client import Client  # it brings aiohttp and pydantic

    with Client(gateway_url(url, data_dir), patience=patience) as client:
        yield client


def gateway_url(url: str | None, data_dir: Path | None) -> str:
    """This URL, else that of the cluster which runs on the data directory.

    Raises Unavailable when none runs there, ConfigError when the settings are wrong.
    """
    if url is not None:
        return url
    from karya.actors.cluster.record import read_record

    settings = load_settings(None, {"data_dir": None if data_dir is None else str(data_dir)})
    try:
        return read_record(Path(settings.data_dir).expanduser()).url
    except ConfigError as error:
        raise Unavailable(str(error)) from None
