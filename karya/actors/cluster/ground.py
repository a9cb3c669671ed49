"""What every actor of a cluster is handed when it is made."""

from dataclasses import dataclass, field

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
