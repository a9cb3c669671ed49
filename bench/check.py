"""Guards against becoming slower: `python -m bench.check` compares Karya with what MongoDB alone does in the
same run, and exits 1 when a ratio has fallen too far below the one in `reference.json`.

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
from bench.figures import percentile
from bench.measures.submits import pending, waits_for_start
from bench.rig import Rig, running_cluster
from bench.traffic import Traffic, send

_REFERENCE = Path(__file__).with_name("reference.json")
_ROUNDS = 3
_RECORDED_RUNS = 3
_JOBS = 5_000
_RAW_JOBS = 2_500

Ratios = Mapping[str, float]

DRAIN = "drain / claims and ends of MongoDB alone"
BATCH = "POST /v1/jobs/batch / inserts of MongoDB alone"
SINGLE = "POST /v1/jobs by 64 clients / inserts of MongoDB alone"
START = "a journalled insert of MongoDB alone / submit to start"

ALLOWED_LOSS: Ratios = {DRAIN: 0.3, BATCH: 0.3, SINGLE: 0.3, START: 0.5}
"""By which part a ratio may fall below the reference. A start sleeps more than it works, so what else runs on
the machine shows more in it."""


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
    with running_cluster(workers=2) as rig:
        rounds = [_round(rig) for _ in range(_ROUNDS)]
        if not good(medians(rounds)):
            rounds += [_round(rig) for _ in range(_ROUNDS)]
    return medians(rounds)


def medians(rounds: Sequence[Ratios]) -> Ratios:
    """By name."""
    return {name: round(statistics.median(each[name] for each in rounds), 4) for name in rounds[0]}


def _round(rig: Rig) -> Ratios:
    rig.empty()
    paces = [_pace(rig)]
    found: dict[str, float] = {}
    for name, (speed, yardstick) in _SPEEDS.items():
        value = speed(rig)
        paces.append(_pace(rig))
        found[name] = value / statistics.mean(yardstick(pace) for pace in paces[-2:])
    return found


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


def _start(rig: Rig) -> float:
    return 1_000 / percentile(waits_for_start(rig, seconds=1.0, pause=0.02), 50)


_SPEEDS: Mapping[str, tuple[Callable[[Rig], float], Callable[[raw.Pace], float]]] = {
    DRAIN: (_drain, lambda pace: pace.claims),
    BATCH: (_batch, lambda pace: pace.inserts),
    SINGLE: (_single, lambda pace: pace.inserts),
    START: (_start, lambda pace: pace.writes),
}
"""How fast Karya is, something a second, and how fast MongoDB was right before and right after it."""


def are_kept(ratios: Ratios, reference: Ratios) -> bool:
    """Whether none has fallen too far."""
    return all(is_kept(name, ratios[name], before) for name, before in reference.items())


def is_kept(name: str, ratio: float, before: float) -> bool:
    """Whether this one has not."""
    return ratio >= before * (1 - ALLOWED_LOSS[name])


def _table(ratios: Ratios, reference: Ratios) -> Table:
    table = Table("ratio", "now", "reference", "least", "kept", title="Karya beside MongoDB alone")
    for name, before in reference.items():
        kept = "yes" if is_kept(name, ratios[name], before) else "[bold red]no"
        least = before * (1 - ALLOWED_LOSS[name])
        table.add_row(name, f"{ratios[name]:.3f}", f"{before:.3f}", f"{least:.3f}", kept)
    return table


if __name__ == "__main__":
    sys.exit(main())
