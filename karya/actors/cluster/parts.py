"""Parts that an installation may lack: what brings them, and that it is said before anything runs."""

from collections.abc import Callable

from karya.connectors.registry import load_connectors
from karya.core.errors import ConfigError
from karya.core.ports.traces import Traces
from karya.core.settings import Settings, TracesSettings
from karya.store.mongod.binary import find_mongod


def check_parts(settings: Settings) -> None:
    """Raises ConfigError for what these settings ask for and this machine lacks, and for what is wrong in a
    section of a connector."""
    load_connectors(settings.connectors)
    if settings.traces.enabled:
        traces_opener()
    if settings.store.url is None:
        find_mongod()


def traces_opener() -> Callable[[TracesSettings, str], Traces | None]:
    """What opens the traces of an actor's process. Raises ConfigError without the extra."""
    try:
        from karya.telemetry.provider import open_traces
    except ImportError as error:
        raise ConfigError(f"traces.enabled: takes pip install 'karya[traces]' ({error})") from None
    return open_traces
