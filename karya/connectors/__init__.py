"""One file or package per action kind, and the registry that finds them.

What a connector of your own needs is re-exported here.
"""

from karya.connectors.base import BaseConnector, ConnectorSettings
from karya.core.action import Action
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import AttemptContext, Tools

__all__ = [
    "Action",
    "AttemptContext",
    "BaseConnector",
    "ConnectorSettings",
    "Failure",
    "Outcome",
    "Success",
    "Tools",
]
