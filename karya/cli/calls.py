"""The client with which a command asks the gateway."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from karya.cli.config import load_settings
from karya.core.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from karya.actors.cluster.record import ClusterRecord
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
    """The URL that `named_url` finds, else that of the cluster which runs on the data directory.

    Raises Unavailable when none runs there, ConfigError when the settings are wrong.
    """
    if (named := named_url(url, data_dir)) is not None:
        return named
    settings = load_settings(None, {"data_dir": None if data_dir is None else str(data_dir)})
    return cluster_on(Path(settings.data_dir).expanduser()).url


def named_url(url: str | None, data_dir: Path | None) -> str | None:
    """This URL; else, where no data directory is given either, that of the environment variable KARYA_URL."""
    return url or (os.environ.get("KARYA_URL") or None if data_dir is None else None)


def cluster_on(directory: Path) -> "ClusterRecord":
    """The cluster that runs on this data directory. Raises Unavailable when there is none: later it may."""
    from karya.actors.cluster.record import read_record

    try:
        return read_record(directory)
    except ConfigError as error:
        raise Unavailable(str(error)) from None
