"""Events out of MongoDB's change streams."""

from karya.store.events.log import MongoEventLog

__all__ = ["MongoEventLog"]
