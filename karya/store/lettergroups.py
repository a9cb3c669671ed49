"""Dead letters by what they died of: MongoDB puts together and counts, for thousands of errors that differ in
their ids would hold up the server for a tenth of a second."""

import re
from typing import Any

from karya.core.action import type_of
from karya.core.errorkinds import ENDS, HEAD
from karya.core.queries import LetterQuery
from karya.core.task import TaskState
from karya.core.views.lines import LetterGroup, LetterGroups
from karya.core.views.overview import AtLeast
from karya.store.client import Document
from karya.store.paging import ByInstant

LETTERS = ByInstant("dead-letters", "finished_at")
"""The list of them, in the order of their indexes."""

_ERROR = {"$ifNull": ["$error", ""]}
_ACTION = {"$ifNull": ["$action", "$action_large"]}
_TYPE = r'^\{"type":"[^"]*"'
"""The start of an action, as `core.action.type_of` knows it; of one that is written otherwise nothing."""


def indexed(query: LetterQuery) -> Document:
    """What an index finds of the query, without looking at any other dead letter."""
    wanted: Document = {"status": TaskState.DEAD.value}
    named = {"user_id": query.user_id, "job_id": query.job_id}
    wanted.update({key: value for key, value in named.items() if value is not None})
    died: dict[str, Any] = {}
    if query.died_after is not None:
        died["$gte"] = query.died_after
    if query.died_before is not None:
        died["$lt"] = query.died_before
    if died:
        wanted["finished_at"] = died
    return wanted


def grouping(query: LetterQuery, most: int, listed: int) -> list[Document]:
    """The stages, of which one document comes. Those that the rest of the query does not find are a group of
    their own, so that it is known at how many was looked."""
    head = {"$substrCP": [_ERROR, 0, HEAD]}
    kind = {"$cond": [{"$gt": ["$end.idx", 0]}, {"$substrCP": ["$head", 0, "$end.idx"]}, "$head"]}
    group = {"$cond": [{"$and": _rest(query)}, {"error": kind, "type": "$type.match"}, None]}
    first = {"latest": {"$first": "$finished_at"}, "task": {"$first": "$_id"}}
    shown = {"key": "$_id", "count": "$count", "latest": "$latest", "task": "$task"}
    top = {"$topN": {"n": listed + 1, "sortBy": {"count": -1}, "output": shown}}
    is_group = {"$cond": [{"$eq": ["$_id", None]}, 0, 1]}
    return [
        {"$match": indexed(query)},
        {"$sort": dict(LETTERS.order)},
        {"$limit": most},
        {"$set": {"head": head, "type": {"$regexFind": {"input": _ACTION, "regex": _TYPE}}}},
        {"$set": {"end": {"$regexFind": {"input": "$head", "regex": ENDS}}}},
        {"$group": {"_id": group, "count": {"$sum": 1}, **first}},
        {"$group": {"_id": None, "looked": {"$sum": "$count"}, "all": {"$sum": is_group}, "top": top}},
    ]


def _rest(query: LetterQuery) -> list[Document]:
    rest: list[Document] = []
    if query.step is not None:
        rest.append({"$eq": ["$step", {"$literal": query.step}]})
    if query.text is not None:
        pattern = {"$literal": re.escape(query.text)}
        rest.append({"$regexMatch": {"input": _ERROR, "regex": pattern, "options": "i"}})
    return rest


def groups_of(document: Document, most: int, listed: int) -> LetterGroups:
    """What the document says."""
    groups = [_group_of(group) for group in document["top"] if group["key"] is not None][:listed]
    looked = AtLeast.of(document["looked"], most)
    return LetterGroups(tuple(groups), document["all"] - len(groups), looked)


def _group_of(document: Document) -> LetterGroup:
    key = document["key"]
    return LetterGroup(
        error=key["error"],
        connector=type_of(key.get("type") or ""),
        count=document["count"],
        latest=document["latest"],
        task_id=document["task"],
    )
