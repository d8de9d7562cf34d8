"""What the benchmarks of learned features share: run a study, say how far it is, print and keep its table."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path

from advmi_core import paths
from advmi_core.device import tune_cpu
from advmi_core.files import json_number, write_text
from advmi_core.studies.autoencoders.features.results import ProbeResult, ProbeSummary
from advmi_core.studies.autoencoders.features.spec import UAES
from advmi_core.studies.autoencoders.features.study import ProbeStudy
from advmi_core.studies.autoencoders.records import MakingStep, Record

_CHANGES = ("n", "epochs", "steps", "inner", "targets", "method")
_SILENCE = 5.0  # seconds between two words


def options(description: str | None) -> argparse.ArgumentParser:
    """The options of every study; those left out keep the study's own values."""
    parser = argparse.ArgumentParser(description=description)
    for name in ("n", "epochs", "steps", "inner"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--targets", choices=("self", "original"))
    parser.add_argument("--method", choices=UAES, help="by the published rule or by the solver")
    parser.add_argument("--seeds", type=int, help="how many")
    parser.add_argument("--runs", type=Path, default=paths.studies(), help="where finished parts are kept")
    parser.add_argument("--json", type=Path, help="also write the table there")
    return parser


def run(study: ProbeStudy, given: argparse.Namespace) -> None:
    """Run the study, or go on with it; print its table, and write it if it is whole."""
    tune_cpu()
    changes = {name: getattr(given, name) for name in _CHANGES}
    wanted = {name: value for name, value in changes.items() if value is not None}
    if given.seeds is not None:
        wanted["seeds"] = tuple(range(given.seeds))
    study = replace(study, **wanted)
    said = time.perf_counter()
    with study.run(given.runs) as working:
        for record in working:
            if time.perf_counter() - said > _SILENCE:
                said = time.perf_counter()
                print(f"{record.step:7} of {record.total} {_told(record)}", flush=True)
        result = working.result
    _print(study, result)
    if given.json is not None and result.complete:
        facts = {"spec": result.spec, "asr": result.asr, "used": result.used}
        facts["rows"] = [_plain(line) for line in result.table()]
        write_text(given.json, json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _told(record: Record) -> str:
    if isinstance(record, MakingStep):
        return f"{record.row}: {record.done} of {record.count}, success {record.success:.3f}"
    return f"{record.row} seed {record.seed} epoch {record.epoch}/{record.epochs} loss {record.loss:.5f}"


def _print(study: ProbeStudy, result: ProbeResult) -> None:
    print(f"{study.kind}, {study.dataset}: {study.n} training rows, {result.used} new ones mixed in, "
          f"ASR {100 * result.asr:.1f} %")  # fmt: skip
    print(f"{'metric':10} {'protocol':13} {'row':10} {'mean ± std over seeds':24} "
          f"{'minus original [95 %]':34} {'minus gaussian [95 %]':34}")  # fmt: skip
    for line in result.table():
        both = " ".join(f"{_interval(pair):34}" for pair in (line.against_original, line.against_gaussian))
        value = f"{line.mean:.5f} ± {line.std:.5f} ({line.seeds})"
        print(f"{line.metric:10} {line.protocol:13} {line.row:10} {value:24} {both}".rstrip())


def _interval(pair: object) -> str:
    facts = {} if pair is None else vars(pair)
    return f"{facts['mean']:+.5f} [{facts['low']:+.5f}, {facts['high']:+.5f}]" if facts else "–"


def _plain(line: ProbeSummary) -> dict[str, object]:
    """A line of the table with null for numbers that are not there."""
    return {key: _bare(value) for key, value in asdict(line).items()}


def _bare(value: object) -> object:
    if isinstance(value, dict):
        return {key: _bare(inner) for key, inner in value.items()}
    return json_number(value) if isinstance(value, float) else value
