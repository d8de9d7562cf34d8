"""An attack's result as files: arrays, parameters, and a summary in numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from advmi_core.attacks import AttackResult
from advmi_core.evaluation import summarise, tabulate
from advmi_core.figures.attack.export import arrays_npz
from advmi_core.files import json_number, write_atomically


def facts(result: AttackResult) -> dict[str, Any]:
    """What ``evaluation.summarise`` says of the result, JSON-serialisable; None stands for "none to measure".

    Information kept (nats and percent), MI (nats), norms and queries describe the ``succeeded`` of the
    ``counted`` initially correct images.
    """
    table = tabulate(result, range(len(result.x)))
    summary = summarise(table)
    return {
        "images": summary.images,
        "counted": summary.counted,
        "succeeded": summary.succeeded,
        "failed": summary.counted - summary.succeeded,
        "asr": json_number(summary.asr),
        "information_mean": json_number(summary.information.mean),
        "information_std": json_number(summary.information.std),
        "kept_percent_mean": json_number(100 * summary.kept.mean),
        "kept_percent_std": json_number(100 * summary.kept.std),
        "mi_mean": json_number(summary.mi.mean),
        "mi_std": json_number(summary.mi.std),
        "loop_term": result.loop_term,
        "linf_max": json_number(table.linf[table.success].max(initial=-math.inf)),
        "l2_mean": json_number(summary.l2),
        "queries_mean": json_number(summary.queries),
        "warnings": list(result.warnings),
    }


def save(result: AttackResult, folder: Path) -> list[Path]:
    """Write result.npz, spec.json and summary.json into ``folder``, each whole or not at all."""
    target = folder / "result.npz"
    write_atomically(target, lambda temporary: temporary.write_bytes(arrays_npz(result)))
    return [
        target,
        _write_json(folder / "spec.json", result.spec),
        _write_json(folder / "summary.json", facts(result)),
    ]


def _write_json(path: Path, content: dict[str, Any]) -> Path:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return path
