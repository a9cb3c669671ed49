"""What a start would stumble over: parts that this installation lacks, and addresses that are none."""

from collections.abc import Callable

from karya.actors.cluster.ray_runtime import host_answering
from karya.connectors.registry import load_connectors
from karya.core.errors import ConfigError
from karya.core.ports.traces import Traces
from karya.core.settings import Settings, TracesSettings
from karya.store.blocking import check_url
from karya.store.mongod.binary import find_mongod


def check_parts(settings: Settings) -> None:
    """Raises ConfigError for what these settings ask for and this machine lacks, for what is wrong in the
    section of a connector, and for an address where no MongoDB can be or no Ray answers."""
    load_connectors(settings.connectors)
    if settings.traces.enabled:
        traces_opener()
    if settings.store.url is None:
        find_mongod()
    else:
        check_url(settings.store.url)
    if settings.ray.address not in (None, "auto"):
        host_answering(settings.ray.address)


def traces_opener() -> Callable[[TracesSettings, str], Traces | None]:
    """What opens the traces of an actor's process. Raises ConfigError without the extra."""
    try:
        from karya.telemetry.provider import open_traces
    except ImportError as error:
        raise ConfigError(f"traces.enabled: takes pip install 'karya[traces]' ({error})") from None
    return open_traces
