"""Functions that run as jobs: the module must be found by Karya, and allowed (connectors.python.modules)."""

import karya


@karya.task(retries=3, timeout="PT10M", tags=["reports"])
def daily(day: str, currency: str = "EUR") -> dict[str, str]:
    """The report of one day."""
    return {"day": day, "currency": currency}
