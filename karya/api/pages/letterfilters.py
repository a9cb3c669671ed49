"""The filters of dead letters, as the addresses of their pages have them."""

from collections.abc import Mapping
from urllib.parse import urlencode

from karya.api.pages.site import ROOT
from karya.api.requests import LettersQuery, read_filters

FILTERS = ("user_id", "job_id", "step", "died_after", "died_before", "text")


def kept(given: Mapping[str, str]) -> dict[str, str]:
    """Those that are given."""
    return {name: given[name] for name in FILTERS if given.get(name)}


def place(query: Mapping[str, str], below: str = "") -> str:
    """The address of the list, or of a page below it, with this query."""
    return f"{ROOT}/dead-letters{below}?{urlencode(query)}"


def query_of(given: Mapping[str, str]) -> LettersQuery:
    """What is looked for. Raises InvalidInput as the API does."""
    wanted = {name: given[name].strip() for name in (*FILTERS, "cursor") if given.get(name, "").strip()}
    return read_filters(wanted, LettersQuery)
