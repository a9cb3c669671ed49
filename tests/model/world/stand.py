"""What all stand-ins for objects of the driver are."""

from typing import Any

from tests.model.world.faults import Faults

WRITES = frozenset(
    {
        "insert_one",
        "insert_many",
        "update_one",
        "update_many",
        "bulk_write",
        "delete_one",
        "delete_many",
        "find_one_and_update",
    }
)
READS = frozenset({"find_one", "find", "count_documents"})


class Stand:
    """Stands in for one object of the driver."""

    def __init__(self, real: Any, faults: Faults) -> None:
        self._real, self._faults = real, faults

    def with_options(self, **options: Any) -> Any:
        """The same, with other concerns."""
        return type(self)(self._real.with_options(**options), self._faults)
