"""An attack's result as files: arrays, parameters, and a summary in numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from advmi_core.attacks import AttackResult
from advmi_core.evaluation import moments
from advmi_core.figures.export import arrays_npz
from advmi_core.files import json_number, write_atomically


def summarise(result: AttackResult) -> dict[str, Any]:
    """Numbers over the initially correct images; means and standard deviations in the units of the result."""
    counted = result.correct
    mi, l2, queries = (moments(values[counted].cpu()) for values in (result.mi, result.l2, result.queries))
    return {
        "images": len(result.x),
        "counted": int(counted.sum()),
        "failed": int((~result.success[counted]).sum()),
        "asr": json_number(result.asr),
        "mi_mean": json_number(mi.mean),
        "mi_std": json_number(mi.std),
        "linf_max": json_number(result.linf.max()),
        "l2_mean": json_number(l2.mean),
        "queries_mean": json_number(queries.mean),
        "warnings": list(result.warnings),
    }


def save(result: AttackResult, folder: Path) -> list[Path]:
    """Write result.npz, spec.json and summary.json into ``folder``, each whole or not at all."""
    target = folder / "result.npz"
    write_atomically(target, lambda temporary: temporary.write_bytes(arrays_npz(result)))
    return [
        target,
        _write_json(folder / "spec.json", result.spec),
        _write_json(folder / "summary.json", summarise(result)),
    ]


def _write_json(path: Path, content: dict[str, Any]) -> Path:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return path
