"""The `email` connector: one message per attempt, on aiosmtplib."""

from karya.connectors.email.action import EmailAction
from karya.connectors.email.connector import EmailConnector
from karya.connectors.email.settings import EmailSettings

__all__ = ["EmailAction", "EmailConnector", "EmailSettings"]
