"""Guards against becoming slower: `python -m bench.check` compares Karya with what MongoDB or aiohttp alone
does in the same run, and exits 1 when a ratio has fallen too far below the one in `reference.json`.

Only ratios are compared: machines differ, and so do the hours of one machine. `--record` writes down those
of today as the new reference.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import raw
from bench.measures.drains import request_to
from bench.measures.submits import pending, waits_for_start
from bench.rig import Rig, running_cluster
from bench.traffic import Traffic, send

_REFERENCE = Path(__file__).with_name("reference.json")
_ROUNDS = 3
_RECORDED_RUNS = 3
_JOBS = 5_000
_RAW_JOBS = 2_500
_CALLS = 3_000
_REQUESTS = 8_000
_TURNS = 3
_WRITES = 30
_REST_SECONDS = 0.02

Ratios = Mapping[str, float]

DRAIN = "drain / claims and ends of MongoDB alone"
CALLS = "drain of HTTP calls / requests of aiohttp alone"
BATCH = "POST /v1/jobs/batch / inserts of MongoDB alone"
SINGLE = "POST /v1/jobs by 64 clients / inserts of MongoDB alone"
START = "the writes of MongoDB alone from submit to claim / submit to start"

NAMES = (DRAIN, CALLS, BATCH, SINGLE, START)
ALLOWED_LOSS = 0.3
"""By which part a ratio may fall below the reference."""


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="bench.check", description=__doc__)
    parser.add_argument("--record", action="store_true", help="makes the ratios of today the reference")
    if parser.parse_args().record:
        _record()
        return 0
    reference = json.loads(_REFERENCE.read_text())
    ratios = _run(lambda found: are_kept(found, reference))
    Console().print(_table(ratios, reference))
    return 0 if are_kept(ratios, reference) else 1


def _record() -> None:
    """By the medians of three runs, each on a cluster of its own: clusters differ more than rounds do."""
    runs = [_run(lambda _: True) for _ in range(_RECORDED_RUNS)]
    reference = medians(runs)
    _REFERENCE.write_text(json.dumps(reference, indent=2) + "\n")
    for run in runs:
        Console().print(_table(run, reference))


def _run(good: Callable[[Ratios], bool]) -> Ratios:
    """The medians of three rounds, of six if those of three are not good: what is slower by chance is not so
    again."""
    with running_cluster(workers=2) as rig, raw.Senders(rig.target.url, rig.workers) as senders:
        rounds = [_round(rig, senders) for _ in range(_ROUNDS)]
        if not good(medians(rounds)):
            rounds += [_round(rig, senders) for _ in range(_ROUNDS)]
    return medians(rounds)


def medians(rounds: Sequence[Ratios]) -> Ratios:
    """By name."""
    return {name: round(statistics.median(each[name] for each in rounds), 4) for name in rounds[0]}


def _round(rig: Rig, senders: raw.Senders) -> Ratios:
    """What MongoDB or aiohttp does alone is measured right before and right after what it is held against."""
    rig.empty()
    paces = [_pace(rig)]
    found: dict[str, float] = {}
    for name, (speed, yardstick) in _SPEEDS.items():
        value = speed(rig)
        paces.append(_pace(rig))
        found[name] = value / statistics.mean(yardstick(pace) for pace in paces[-2:])
    return {**found, CALLS: _calls(rig, senders), START: _start(rig)}


def _pace(rig: Rig) -> raw.Pace:
    return raw.pace(rig.cluster.store_url, _RAW_JOBS)


def _drain(rig: Rig) -> float:
    return _JOBS / rig.run(_JOBS).seconds


def _batch(rig: Rig) -> float:
    body = json.dumps([pending()] * 1_000)
    return send(Traffic(f"{rig.cluster.url}/v1/jobs/batch", "POST", body, seconds=1.0)).rate * 1_000


def _single(rig: Rig) -> float:
    body = json.dumps(pending())
    return send(Traffic(f"{rig.cluster.url}/v1/jobs", "POST", body, clients=64, seconds=1.0)).rate


_SPEEDS: Mapping[str, tuple[Callable[[Rig], float], Callable[[raw.Pace], float]]] = {
    DRAIN: (_drain, lambda pace: pace.claims),
    BATCH: (_batch, lambda pace: pace.inserts),
    SINGLE: (_single, lambda pace: pace.inserts),
}
"""How fast Karya is, something a second, and how fast MongoDB was right before and right after it."""


def _calls(rig: Rig, senders: raw.Senders) -> float:
    before = senders.rate(_REQUESTS)
    calls = _CALLS / rig.run(_CALLS, action=request_to(rig)).seconds
    return calls / statistics.mean((before, senders.rate(_REQUESTS)))


def _start(rig: Rig) -> float:
    """By turns, and each from rest: what a sleeping process waits for when it is woken is in both. By the
    medians of all turns."""
    alone: list[float] = []
    waits: list[float] = []
    for _ in range(_TURNS):
        alone += raw.rested_writes(rig.cluster.store_url, _WRITES, _REST_SECONDS)
        waits += waits_for_start(rig, seconds=0.0, pause=_REST_SECONDS)
    return statistics.median(alone) / statistics.median(waits)


def are_kept(ratios: Ratios, reference: Ratios) -> bool:
    """Whether none has fallen too far."""
    return all(is_kept(ratios[name], before) for name, before in reference.items())


def is_kept(ratio: float, before: float) -> bool:
    """Whether this one has not."""
    return ratio >= before * (1 - ALLOWED_LOSS)


def _table(ratios: Ratios, reference: Ratios) -> Table:
    table = Table("ratio", "now", "reference", "least", "kept", title="Karya beside what it is made of")
    for name, before in reference.items():
        kept = "yes" if is_kept(ratios[name], before) else "[bold red]no"
        least = before * (1 - ALLOWED_LOSS)
        table.add_row(name, f"{ratios[name]:.3f}", f"{before:.3f}", f"{least:.3f}", kept)
    return table


if __name__ == "__main__":
    sys.exit(main())
