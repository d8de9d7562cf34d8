"""What only a GPU can show, in at most ten minutes: ``python -m benchmarks.gpu_check [FILE.json]``.

The tests marked ``gpu``; every attack on the GPU against the CPU; MinMax captured as a graph against kernel
by kernel, values and speed; a batch too large for the memory; TF32 off. Prints one table, writes JSON, and
ends with exit code 1 if something does not hold.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from rich.console import Console
from rich.table import Table

from advmi_core import data, models
from advmi_core.attacks import ATTACKS, AttackResult, MinMax
from advmi_core.attacks.core import capture
from advmi_core.device import describe, pick
from advmi_core.memory import in_parts
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification, Reconstruction

IMAGES, STEPS = 32, 20
SETTINGS: dict[str, dict[str, Any]] = {
    "cw": {"searches": 2},
    "penalty": {"searches": 2},
    "autoattack": {"steps": 10, "targets": 2, "queries": 50},
}
MANY_CHOICES = {"autoattack", "fwa"}  # where rounding can tip a choice between neighbours
VERDICTS, CLOSE, FASTER = 0.9, 2e-2, 1.2
GB = 2**30
_PATIENCE = 240  # seconds for the tests


@dataclass(frozen=True)
class Line:
    """One check: what was wanted, what was seen, and whether it holds."""

    check: str
    wanted: str
    seen: str
    holds: bool


def main(out: Path | None) -> int:
    """All checks; the exit code."""
    device = pick("cuda")
    began, lines = time.perf_counter(), []
    checks: list[Callable[[], list[Line]]] = [
        _precision, _attacks, _measuring, _captured, _memory, _full_memory, _marked_tests
    ]  # fmt: skip
    for check in checks:
        try:
            lines += check()
        except Exception as error:  # one broken check must not hide the others
            lines.append(
                Line(check.__name__.strip("_"), "runs", f"{type(error).__name__}: {error}"[:160], False)
            )
        print(
            f"{check.__name__.strip('_')}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True
        )
    facts = {"device": describe(device), "torch": torch.__version__, "seconds": time.perf_counter() - began}
    table = Table("check", "wanted", "seen", "holds", title=f"{facts['device']}, torch {facts['torch']}")
    for line in lines:
        table.add_row(line.check, line.wanted, line.seen, "yes" if line.holds else "NO")
    Console(width=140).print(table)
    if out is not None:
        out.write_text(json.dumps(facts | {"checks": [asdict(line) for line in lines]}, indent=2) + "\n")
    return 0 if all(line.holds for line in lines) else 1


def _precision() -> list[Line]:
    """Products and convolutions of float32 keep 24 bits: TF32 would err by about 10⁻³."""
    stream = torch.Generator().manual_seed(0)
    a, b = torch.randn(512, 512, generator=stream), torch.randn(512, 512, generator=stream)
    x, w = torch.randn(8, 64, 16, 16, generator=stream), torch.randn(64, 64, 3, 3, generator=stream)
    pairs = {
        "product": (a.double() @ b.double(), a.cuda() @ b.cuda()),
        "convolution": (
            torch.nn.functional.conv2d(x.double(), w.double()),
            torch.nn.functional.conv2d(x.cuda(), w.cuda()),
        ),
    }
    lines = []
    for name, (exact, found) in pairs.items():
        error = float((found.cpu().double() - exact).abs().max() / exact.abs().max())
        lines.append(Line(f"TF32 is off: {name}", "≤ 1e-5", f"{error:.1e}", error <= 1e-5))
    return lines


def _subject(where: str, count: int = IMAGES) -> tuple[Classification, torch.Tensor]:
    chosen = data.load("fashion-mnist", "test").first(count)
    return Classification(models.load("cnn", device=where), chosen.y), chosen.x


def _agreement(name: str, here: AttackResult, there: AttackResult, close: bool) -> Line:
    verdicts = float((here.success == there.success).float().mean())
    apart = float((here.x_adv - there.x_adv).flatten(1).abs().amax(1).median())
    return Line(
        f"as on the CPU: {name}",
        f"verdicts ≥ {VERDICTS:.0%}" + (f", median L∞ apart ≤ {CLOSE:g}" if close else ""),
        f"{verdicts:.0%}, {apart:.1e}",
        verdicts >= VERDICTS and (not close or apart <= CLOSE),
    )


def _attacks() -> list[Line]:
    lines = []
    for name, kind in ATTACKS.items():
        norm = "l2" if "l2" in kind.norms() else kind.norms()[0]
        attack = kind(**{"eps": 1.0, "norm": norm, "steps": STEPS, "mi_steps": 0, **SETTINGS.get(name, {})})
        here, there = (attack(*_subject(where)) for where in ("cpu", "cuda"))
        lines.append(_agreement(f"{name}, {norm}", here, there, name not in MANY_CHOICES))
    network = {where: models.load("ae-conv", device=where) for where in ("cpu", "cuda")}
    uae = MinMax.published(eps=1.0, steps=STEPS, inner=2, mi_steps=0)
    x = _subject("cpu")[1]
    here, there = (uae(Reconstruction(network[where]), x) for where in ("cpu", "cuda"))
    lines.append(_agreement("minmax, reconstruction", here, there, True))
    return lines


def _measuring() -> list[Line]:
    """Ranks of the default estimate, on the same x̃."""
    (on_cpu, x), (on_gpu, _) = _subject("cpu"), _subject("cuda")
    x_adv = (x + 0.2 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    lines = []
    for options in ({}, {"estimator": "gaussian"}, {"sampling": "conv"}):
        here, there = (estimate_mi(of, x, x_adv, **options) for of in (on_cpu, on_gpu))
        apart = float((here - there).abs().median())
        lines.append(
            Line(
                f"estimate_mi {options or 'default'}",
                "median apart ≤ 0.05 nats",
                f"{apart:.3f}",
                apart <= 0.05,
            )
        )
    return lines


def _captured() -> list[Line]:
    """The graph against the kernels: the same values, less time."""
    lines = []
    for term, count, critic in (
        ("mine-conv", 64, "compact"),
        ("gaussian-patches", 64, "compact"),
        ("l2", 64, "compact"),
        ("mine-conv", 512, "compact"),
        ("mine-conv", 64, "paper"),
    ):
        given: dict[str, Any] = {"mi": term, "critic": critic, "mi_steps": 0, "batch_size": count}
        name = f"{term}, {count} images, {critic}"
        # No step of a fixed length at the end, which rounding could turn round.
        short = MinMax.published(eps=0.3, steps=STEPS, restore=0, **given)
        (kernels, _, _), (graph, _, graphs) = (_run(short, count, way) for way in ("kernels", "graph"))
        apart = float((kernels.x_adv - graph.x_adv).abs().max())
        wanted = "1 graph, values ≤ 1e-4 apart"
        held = graphs == 1 and apart <= 1e-4
        lines.append(Line(f"captured: {name}", wanted, f"{graphs}, {apart:.1e}", held))
        long = MinMax.published(eps=0.3, steps=200, **given)
        slow, fast = (_run(long, count, way)[1] / 200 for way in ("kernels", "graph"))
        needed = critic == "compact"
        lines.append(
            Line(
                f"ms a step: {name}",
                f"≥ {FASTER:g}× as fast" if needed else "said",
                f"{1000 * slow:.2f} → {1000 * fast:.2f} ({slow / fast:.1f}×)",
                slow >= FASTER * fast or not needed,
            )
        )
    return lines


def _run(attack: MinMax, count: int, way: str) -> tuple[AttackResult, float, int]:
    """Result, seconds and captured graphs of an attack, as a graph or kernel by kernel."""
    objective, x = _subject("cuda", count)
    x = x.cuda()
    never = {"kernels": 10**9, "graph": capture.WARM_UP}[way]
    real = torch.cuda.CUDAGraph
    with (
        mock.patch.object(capture, "WARM_UP", never),
        mock.patch.object(torch.cuda, "CUDAGraph", side_effect=real) as made,
    ):
        torch.cuda.synchronize()
        began = time.perf_counter()
        result = attack(objective, x)
        torch.cuda.synchronize()
        return result, time.perf_counter() - began, made.call_count


def _memory() -> list[Line]:
    """An attack whose first guess of what fits is far too high: it halves until it fits."""
    objective, x = _subject("cuda", 48)
    attack = MinMax.published(eps=0.3, steps=2, critic="paper", mi_steps=2, batch_size=48)
    whole = attack(objective, x)
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, 4 * GB / total))
    try:
        halved = attack(objective, x)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    said = [sentence for sentence in halved.warnings if "did not fit" in sentence]
    same = bool((whole.success == halved.success).all())
    return [
        Line("4 GB for 48 paper critics", "halved, same verdicts", f"{said[:1]}, {same}", bool(said) and same)
    ]


def _full_memory() -> list[Line]:
    """The driver's own refusal, not the allocator's bookkeeping: parts of a product that cannot fit."""
    device, free = torch.device("cuda"), torch.cuda.mem_get_info()[0]
    rows = 8
    floats = free // 4 // rows * 2  # eight rows take twice what is free
    told: list[str] = []
    sums = in_parts(
        lambda part: float(torch.ones(part.stop - part.start, floats, device=device).sum()) > 0,
        rows, rows, device, told.append,
    )  # fmt: skip
    torch.cuda.empty_cache()
    return [Line("twice the free memory", "halved", f"{len(told)} times", bool(told) and all(sums))]


def _marked_tests() -> list[Line]:
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "tests/attacks", "tests/devices"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    last = (ended.stdout.strip().splitlines() or ["no output"])[-1]
    return [Line("tests marked gpu", "all pass", last, ended.returncode == 0)]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
