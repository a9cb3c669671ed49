"""Whether the Ray that carries the cluster is still there."""

from karya.actors.cluster.charter import Charter, declared
from karya.actors.cluster.ray_runtime import HeadAway, HeadReplaced, has_lost_processes, is_alive, this_node

_SILENCE_SECONDS = 20.0
"""A head that does not answer for so long is lost. Ray ends every process that has not reached it for 60."""

_REST_SECONDS = 2.0
"""How long a head that has answered is not asked again."""


class RayWatch:
    """Watches one connection to Ray: the processes of one that was started here, and the answers of its head.

    It asks with a deadline only. A question to a head that is away would otherwise be kept, also when Ray was
    left and another one was started, and after 60 seconds Ray would end the process that asked.
    """

    charter: Charter | None
    """What was declared when the head answered last."""

    def __init__(self, namespace: str, charter: Charter) -> None:
        self.charter = charter
        self._namespace = namespace
        self._node = this_node()
        self._node_lives = True
        self._silence = self._rest = 0.0

    def look(self, elapsed: float) -> str | None:
        """Why this Ray is lost; None while it is not. `elapsed` seconds have passed since the last look."""
        if has_lost_processes():
            return "its head or its raylet has died"
        self._rest += elapsed
        if self._rest < _REST_SECONDS and not self.is_silent:
            return None
        self._silence, self._rest = self._silence + self._rest, 0.0
        try:
            if self.answers() and not self._node_lives:
                return "its head takes this node for dead"
        except HeadReplaced:
            return "another head has taken the place of its own"
        if self._silence > _SILENCE_SECONDS:
            return f"its head has not answered for {_SILENCE_SECONDS:g} s"
        return None

    def answers(self) -> bool:
        """Whether the head answers within a second or two. Raises HeadReplaced."""
        try:
            self._node_lives = is_alive(self._node)
            self.charter = declared(self._namespace)
        except HeadAway:
            return False
        self._silence = 0.0
        return True

    @property
    def is_silent(self) -> bool:
        """Whether the head left the last question unanswered."""
        return self._silence > 0
