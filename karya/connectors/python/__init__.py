"""The `python` connector: calls a function of an allowed module, elsewhere in the cluster."""

from karya.connectors.python.action import PythonAction
from karya.connectors.python.connector import PythonConnector
from karya.connectors.python.settings import PythonSettings

__all__ = ["PythonAction", "PythonConnector", "PythonSettings"]
