"""The `slack` connector: one message per attempt, on slack-sdk."""

from karya.connectors.slack.action import SlackAction
from karya.connectors.slack.connector import SlackConnector
from karya.connectors.slack.settings import SlackSettings

__all__ = ["SlackAction", "SlackConnector", "SlackSettings"]
