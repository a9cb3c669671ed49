"""The MongoDB implementation, empty and prepared, for each test of this folder that asks for it."""

from tests.support.mongo import Mongo, kit, mongo, prepared

__all__ = ["Mongo", "kit", "mongo", "prepared"]
