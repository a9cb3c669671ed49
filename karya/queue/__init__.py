"""ZeroMQ: the only room that knows it. What travels here is a hint; the truth is in the store."""

from karya.queue.consumer import WorkerSocket
from karya.queue.dispatcher import Dispatcher
from karya.queue.keys import QueueKeys
from karya.queue.wire import Role

__all__ = ["Dispatcher", "QueueKeys", "Role", "WorkerSocket"]
