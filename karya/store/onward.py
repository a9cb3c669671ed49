"""Reading on in the order of an instant, and of ids within it."""

from karya.core.ports import Position
from karya.store.blocking import Document


def behind(wanted: Document, field: str, last: Position | None, *, latest_first: bool = False) -> Document:
    """The filter `wanted`, which may bound the field itself, but only for what comes behind the last one that
    was read (None: from the start): the rest of its instant, and the other instants, each a range of the
    index. As one range with a condition it would read all of its instant again for each page."""
    if last is None:
        return wanted
    at, ident = last
    beyond = "$lt" if latest_first else "$gt"
    ranges = ({field: at, "_id": {beyond: ident}}, {field: {beyond: at}})
    return {"$or": [{"$and": [wanted, each]} for each in ranges]}
