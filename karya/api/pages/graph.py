"""The steps of a job as a drawing: each stands behind those that it waits for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from karya.core.task import TaskState
from karya.core.views import StepView, TaskView

_WIDTH, _HEIGHT = 168, 46
_ACROSS, _DOWN = 56, 18
_MARGIN = 4
MOST_NAME = 20


@dataclass(frozen=True, slots=True)
class Node:
    """A step at its place."""

    name: str
    x: int
    y: int
    when: str
    status: TaskState | None
    task_id: str | None


@dataclass(frozen=True, slots=True)
class Graph:
    """The drawing and its size; `edges` are paths of an SVG."""

    nodes: tuple[Node, ...]
    edges: tuple[str, ...]
    width: int
    height: int
    node_width: int = _WIDTH
    node_height: int = _HEIGHT


def drawn(steps: Sequence[StepView], tasks: Iterable[TaskView]) -> Graph:
    """The steps, each with what became of it in these tasks."""
    by_step = {task.step: task for task in tasks}
    column = _columns(steps)
    rows: dict[int, int] = {}
    nodes: dict[str, Node] = {}
    for step in steps:
        at = column[step.name]
        row = rows[at] = rows.get(at, -1) + 1
        task = by_step.get(step.name)
        nodes[step.name] = Node(
            name=step.name,
            x=_MARGIN + at * (_WIDTH + _ACROSS),
            y=_MARGIN + row * (_HEIGHT + _DOWN),
            when=step.when.value,
            status=task.status if task else None,
            task_id=task.id if task else None,
        )
    edges = tuple(_edge(nodes[before], nodes[step.name]) for step in steps for before in step.after)
    width = _MARGIN * 2 + max(rows, default=0) * (_WIDTH + _ACROSS) + _WIDTH
    height = _MARGIN * 2 + max(rows.values(), default=0) * (_HEIGHT + _DOWN) + _HEIGHT
    return Graph(tuple(nodes.values()), edges, width, height)


def _columns(steps: Sequence[StepView]) -> Mapping[str, int]:
    """How many steps come before each one on the longest way to it: a stored job has no circles."""
    after = {step.name: step.after for step in steps}
    known: dict[str, int] = {}
    while len(known) < len(after):
        for name, before in after.items():
            if name not in known and all(one in known for one in before):
                known[name] = max((known[one] + 1 for one in before), default=0)
    return known


def _edge(start: Node, end: Node) -> str:
    x, y = start.x + _WIDTH, start.y + _HEIGHT // 2
    to_x, to_y = end.x, end.y + _HEIGHT // 2
    middle = (to_x - x) // 2
    return f"M{x} {y} C{x + middle} {y} {to_x - middle} {to_y} {to_x} {to_y}"
