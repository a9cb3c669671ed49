"""The `kafka` connector: one message per attempt, on aiokafka."""

from karya.connectors.kafka.action import KafkaAction
from karya.connectors.kafka.connector import KafkaConnector
from karya.connectors.kafka.settings import KafkaSettings

__all__ = ["KafkaAction", "KafkaConnector", "KafkaSettings"]
