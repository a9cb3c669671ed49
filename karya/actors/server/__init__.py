"""What clients ask for: the JobService port, put together from one plain class for each thought."""

from karya.actors.server.health import Probe
from karya.actors.server.server import Server

__all__ = ["Probe", "Server"]
