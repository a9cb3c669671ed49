"""What every actor of a cluster is handed when it is made."""

from dataclasses import dataclass, field, replace

from karya.core.settings import Settings
from karya.queue.keys import QueueKeys


@dataclass(frozen=True, slots=True)
class Ground:
    """What all actors of one cluster stand on. It travels to other processes and machines, and it holds
    secrets: its repr shows none of them."""

    settings: Settings
    url: str = field(repr=False)
    """Where the database is; it may hold a password."""
    keys: QueueKeys | None = None
    """Of a queue beyond loopback."""

    def at_port(self, port: int) -> "Ground":
        """The same with the gateway at this port."""
        gateway = self.settings.gateway.model_copy(update={"port": port})
        return replace(self, settings=self.settings.model_copy(update={"gateway": gateway}))
