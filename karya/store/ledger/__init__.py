"""The ledger, as audits read it: in parts, each as of one moment."""

from karya.store.ledger.ledger import MongoLedger

__all__ = ["MongoLedger"]
