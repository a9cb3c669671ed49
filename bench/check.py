"""Guards against becoming slower: `python -m bench.check` compares Karya with what MongoDB alone does in the
same run, and exits 1 when a ratio has fallen by more than 30 % below the one in `reference.json`.

Only ratios are compared: machines differ, and so do the hours of one machine. `--record` writes down those
of today as the new reference.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import raw
from bench.measures.submits import pending
from bench.rig import Rig, running_cluster
from bench.traffic import Traffic, send

_REFERENCE = Path(__file__).with_name("reference.json")
_ALLOWED_LOSS = 0.3
_ROUNDS = 3
_JOBS = 5_000


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="bench.check", description=__doc__)
    parser.add_argument("--record", action="store_true", help="makes the ratios of today the reference")
    recording = parser.parse_args().record
    reference: Mapping[str, float] = {} if recording else json.loads(_REFERENCE.read_text())
    with running_cluster(workers=2) as rig:
        rounds = [_ratios(rig) for _ in range(_ROUNDS)]
        if not _are_kept(_medians(rounds), reference):
            rounds += [_ratios(rig) for _ in range(_ROUNDS)]  # what is slower by chance is not so again
    ratios = _medians(rounds)
    if recording:
        _REFERENCE.write_text(json.dumps(ratios, indent=2) + "\n")
    Console().print(_table(ratios, reference or ratios))
    return 0 if _are_kept(ratios, reference) else 1


def _medians(rounds: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    return {name: round(statistics.median(each[name] for each in rounds), 4) for name in rounds[0]}


def _ratios(rig: Rig) -> Mapping[str, float]:
    """Karya's rate by the rate of MongoDB alone, measured one right after the other."""
    rig.empty()
    drained = _JOBS / rig.run(_JOBS).seconds
    url = rig.cluster.url
    body = json.dumps([pending()] * 1_000)
    stored = send(Traffic(f"{url}/v1/jobs/batch", "POST", body, seconds=1.0)).rate * 1_000
    single = send(Traffic(f"{url}/v1/jobs", "POST", json.dumps(pending()), clients=64, seconds=1.0)).rate
    ended, inserted = raw.claims_and_ends(rig.cluster.store_url), raw.inserts(rig.cluster.store_url)
    return {
        "drain / claims and ends of MongoDB alone": drained / ended,
        "POST /v1/jobs/batch / inserts of MongoDB alone": stored / inserted,
        "POST /v1/jobs by 64 clients / inserts of MongoDB alone": single / inserted,
    }


def _are_kept(ratios: Mapping[str, float], reference: Mapping[str, float]) -> bool:
    return all(_is_kept(ratios[name], before) for name, before in reference.items())


def _is_kept(ratio: float, before: float) -> bool:
    return ratio >= before * (1 - _ALLOWED_LOSS)


def _table(ratios: Mapping[str, float], reference: Mapping[str, float]) -> Table:
    table = Table("ratio", "now", "reference", "kept", title=f"no loss of more than {_ALLOWED_LOSS:.0%}")
    for name, before in reference.items():
        kept = "yes" if _is_kept(ratios[name], before) else "[bold red]no"
        table.add_row(name, f"{ratios[name]:.3f}", f"{before:.3f}", kept)
    return table


if __name__ == "__main__":
    sys.exit(main())
