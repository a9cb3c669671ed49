"""The processes of Ray that nobody but Karya's own supervisor brings back."""

from tests.chaos.faults.kills import Killed

_WHY = "nothing brings Ray back yet"


class RayletKilled(Killed):
    """All actors die with it."""

    disabled = _WHY
    name = "kill-raylet"
    role = "raylet"
    bound = 90.0


class GcsKilled(Killed):
    """Ray's head: nobody restarts an actor any more."""

    disabled = _WHY
    name = "kill-gcs"
    role = "gcs"
    bound = 90.0
