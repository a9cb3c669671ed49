"""Which settings a running cluster can take over. No I/O."""

from karya.core.settings import Settings

_SECTIONS = ("scheduler", "worker", "pools", "gateway", "log", "connectors")
_ADDRESS = ("host", "port")


def renewed(running: Settings, given: Settings) -> Settings:
    """The settings that run with those sections of the given ones which a rolling restart can change. The
    gateway stays where it is, for those who know its address."""
    address = {name: getattr(running.gateway, name) for name in _ADDRESS}
    sections = {name: getattr(given, name) for name in _SECTIONS}
    return running.model_copy(update={**sections, "gateway": given.gateway.model_copy(update=address)})


def kept(running: Settings, given: Settings) -> tuple[str, ...]:
    """The names of the given settings that differ and wait for the next start. A port of 0 fits any."""
    sections = [name for name in Settings.model_fields if name not in _SECTIONS]
    gateway = [name for name in _ADDRESS if getattr(given.gateway, name) != 0]
    return (
        *(name for name in sections if getattr(given, name) != getattr(running, name)),
        *(
            f"gateway.{name}"
            for name in gateway
            if getattr(given.gateway, name) != getattr(running.gateway, name)
        ),
    )
