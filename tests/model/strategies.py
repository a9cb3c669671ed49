"""What is drawn: jobs, steps, faults."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from tests.model.acts import Said
from tests.model.sharing import Sharing
from tests.model.simulation import SCHEDULERS, WORKERS, Meanwhile
from tests.model.steps import admins, base, chains, changes, clients, servers, several, workers
from tests.model.terms import SHAPES, Terms
from tests.model.timings import At, Every, Minutes
from tests.model.world.faults import Cut, Fault, Loss
from tests.model.world.ports import MOST_HINTS

SECOND = timedelta(seconds=1)


def _seconds(*numbers: float) -> st.SearchStrategy[timedelta]:
    return st.sampled_from([timedelta(seconds=number) for number in numbers])


AT = st.builds(At, delay=_seconds(0, 0, 1, 7))
EVERY = st.builds(
    Every,
    every=_seconds(1, 2, 5),
    max_runs=st.sampled_from([1, 2, 3, 6]),
    start=st.sampled_from([None, None, -1.5 * SECOND, 3 * SECOND]),
    length=st.sampled_from([None, None, 12 * SECOND]),
    jitter=_seconds(0, 0, 0.7),
)
MINUTES = st.builds(Minutes, step=st.sampled_from([1, 2]), max_runs=st.sampled_from([1, 2]))
TRIGGERS = (
    "ON_SUCCESS",
    "ON_RETRY",
    "ON_FAILURE",
    "ON_DEAD_LETTER",
    "ON_CANCELLED",
    "ON_MISFIRE",
    "ON_COMPLETION",
)

_SEATS = st.sampled_from([("k", 1), ("k", 2), ("k", 2), ("k", 3), ("one", 1)])
_RATES = st.sampled_from([("r", 2, 2 * SECOND), ("r", 1, 0.7 * SECOND), ("k", 3, 5 * SECOND)])
_RATES |= st.just(("r", 3, 2 * SECOND))
_OF = st.sampled_from([None, None, "ann"])
_NAMES = st.sampled_from([None, None, None, "this", "that"])
_URGENT = st.sampled_from([5, 5, 9, 0])
LIMITED = st.builds(Sharing, _OF, _NAMES, _URGENT, st.none() | _SEATS, st.none() | _RATES)
_USERS = ("ann", "bob")
SHARING = st.builds(Sharing, st.sampled_from([None, None, None, *_USERS])) | LIMITED

TERMS = st.builds(
    Terms,
    timing=AT | EVERY | EVERY | MINUTES,
    shape=st.sampled_from([SHAPES[0], *SHAPES]),
    triggers=st.sampled_from([frozenset(), frozenset(), frozenset(TRIGGERS), frozenset(TRIGGERS[::2])]),
    attempts=st.sampled_from([1, 2, 3]),
    delay=_seconds(0, 1, 4),
    doubling=st.booleans(),
    jitter=st.sampled_from([0.0, 0.5]),
    overlap=st.sampled_from(["allow", "allow", "skip", "queue", "cancel_running"]),
    misfire=st.sampled_from(["all", "all", "latest", "skip"]),
    grace=_seconds(1, 10, 60),
    window=st.sampled_from([timedelta(hours=1), timedelta(seconds=30), None]),
    kept=st.sampled_from([None, None, 2 * SECOND, 60 * SECOND]),
    sharing=SHARING,
)

NUMBER = st.integers(0, 7)
WORKER = st.integers(0, WORKERS - 1)
SCHEDULER = st.integers(0, SCHEDULERS - 1)
SAID = st.sampled_from([Said.SUCCESS, Said.SUCCESS, Said.FAILURE, Said.FAILURE, Said.PERMANENT])
AGAIN = st.booleans()

PASS = st.builds(base.Pass, st.sampled_from([0.02, 0.2, 0.5, 1, 1, 2, 2, 5, 5, 11, 19, 21, 70, 3700]))
SUBMIT = st.builds(clients.Submit, st.lists(TERMS, min_size=1, max_size=3).map(tuple), AGAIN)
TURN = st.builds(servers.Turn, st.sampled_from([0, 0, 0, 1]), st.sampled_from([MOST_HINTS, MOST_HINTS, 2]))
SWEEP = st.builds(servers.Sweep)
CLAIM = st.builds(workers.Claim, WORKER, st.sampled_from([60, 60, 3, 1]), st.sampled_from([0, 0, 3, 9]))
START = st.builds(workers.Start, WORKER)
END = st.builds(workers.End, WORKER, SAID, st.booleans(), st.sampled_from([False, False, True]))
TELL = st.builds(workers.Tell, WORKER)
RENEW = st.builds(workers.Renew, WORKER)
WORK = st.builds(workers.Work, WORKER, SAID)
DIE = st.builds(workers.Die, WORKER)
HAND_BACK = st.builds(workers.HandBack, WORKER)
CHAIN = st.builds(chains.Chain, WORKER, TERMS, AGAIN)
CANCEL = st.builds(clients.Cancel, NUMBER, AGAIN)
PAUSE = st.builds(clients.PauseJob, NUMBER)
RESUME = st.builds(clients.Resume, NUMBER, AGAIN)
TRIGGER = st.builds(clients.Trigger, NUMBER, AGAIN)
SKIP = st.builds(clients.SkipNext, NUMBER)
UPDATE = st.builds(changes.Update, NUMBER, TERMS, st.sampled_from(changes.Keep))
REDRIVE = st.builds(changes.Redrive, NUMBER, AGAIN)
DISCARD = st.builds(changes.Discard, NUMBER)
WEIGH = st.builds(admins.Weigh, st.sampled_from(_USERS), st.sampled_from([1, 2, 3]))
LEAD = st.builds(servers.Restart, SCHEDULER, st.booleans()) | st.builds(servers.Usurp, SCHEDULER)
BUSTLE = st.builds(
    several.Bustle,
    st.sampled_from([0.2, 1, 1, 2, 5]),
    WORKER,
    SAID,
    far=st.sampled_from([2, 3, 4, 5, 5, 5]),
    troubled=st.integers(1, 4),
)
OVERSLEEP = st.builds(
    several.Oversleep,
    WORKER,
    WORKER,
    SAID,
    wakes=st.sampled_from([0, 0, 1, 2, 3]),
    troubled=st.integers(0, 9),
)
_LATEST = st.just(-1)
LAPSE = st.builds(
    several.Lapse,
    st.builds(clients.Submit, st.tuples(st.builds(replace, TERMS, timing=EVERY | MINUTES)), AGAIN),
    st.sampled_from([2, 5, 11, 21, 70, 300]),
    st.builds(changes.Update, _LATEST, TERMS, st.sampled_from(changes.Keep)),
    troubled=st.integers(0, 4),
)
ARRIVE = st.builds(base.Arrive)

FAULT = st.builds(
    Fault,
    at=st.integers(1, 6),
    cut=st.sampled_from(Cut),
    loss=st.sampled_from(Loss),
    more=st.sampled_from([0, 0, 1, 20]),
    told=st.booleans(),
)
FAULTS = st.none() | st.none() | FAULT
"""Of every third rule one write loses its answer, if it makes so many."""

RACING = st.one_of(
    TURN,
    SWEEP,
    CLAIM,
    WORK,
    TELL,
    CANCEL,
    PAUSE,
    RESUME,
    TRIGGER,
    SKIP,
    UPDATE,
    REDRIVE,
    DISCARD,
    CHAIN,
    RENEW,
)
MEANWHILE = st.none() | st.none() | st.builds(Meanwhile, st.integers(1, 8), RACING)

STEERING = ("cancel", "pause", "skip", "trigger", "update", "redrive", "discard")
WORKING = ("hand_back", "die", "renew", "work", "chain")
OPTIONAL = [*STEERING, *WORKING, "lead", "sweep", "weigh"]
WITHOUT = st.frozensets(st.sampled_from(OPTIONAL), max_size=10)
"""What an example may go without: less of one thing is more of another."""
