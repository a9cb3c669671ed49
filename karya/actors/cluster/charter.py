"""What a cluster shall be: declared once, in the Ray that carries it."""

import pickle
from dataclasses import dataclass
from typing import cast

from karya.actors.cluster.ground import Ground
from karya.actors.cluster.ray_runtime import ANSWER_SECONDS, ask_head

_KEY = b"karya:charter"


@dataclass(frozen=True, slots=True)
class Charter:
    """What the supervisor keeps true. It lies in the key-value store of Ray's head, so that a supervisor
    which is restarted, on whatever node, goes on with what was declared last. It is lost with that head."""

    ground: Ground
    home: str
    """The node of `karya up`."""
    roams: bool
    """Whether actors may run on other nodes, too: they may once the queue reaches beyond loopback."""


def declare(charter: Charter, namespace: str) -> None:
    """From now on the cluster in this Ray namespace shall be this. Raises HeadAway, and HeadReplaced."""
    ask_head(
        lambda head: head.internal_kv_put(
            _KEY, pickle.dumps(charter), True, namespace.encode(), timeout=ANSWER_SECONDS
        )
    )


def declared(namespace: str) -> Charter | None:
    """What was declared last; None where nobody did, as after the loss of Ray's head. Raises HeadAway, and
    HeadReplaced."""
    found = ask_head(lambda head: head.internal_kv_get(_KEY, namespace.encode(), timeout=ANSWER_SECONDS))
    return None if found is None else cast(Charter, pickle.loads(found))  # noqa: S301 - Ray pickles, too


def revoke(namespace: str) -> None:
    """The cluster in this namespace is no more. Raises HeadAway, and HeadReplaced."""
    ask_head(lambda head: head.internal_kv_del(_KEY, False, namespace.encode(), timeout=ANSWER_SECONDS))
