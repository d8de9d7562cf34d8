"""All executors leave the same bytes; a choice that makes no sense is refused at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from advmi_core.studies.sweep import Sweep

Read = Callable[[Path], dict[str, bytes]]
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason='Ray is not installed: pip install "advmi[ray]"'
)


@pytest.mark.parametrize("executor", ["processes", pytest.param("ray", marks=needs_ray)])
def test_same_bytes_as_serial(
    executor: str, tiny: Sweep, contents: dict[str, bytes], read_results: Read, tmp_path: Path
) -> None:
    steps, run = [], tiny.run(tmp_path / "runs", executor=executor, workers=2)
    for step in run:
        steps.append(step)
    assert len(steps) == run.total == 9
    assert not any(step.reused for step in steps)
    assert read_results(next((tmp_path / "runs").iterdir())) == contents


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "threads"}, "executor must be one of serial, processes, ray, got 'threads'"),
        ({"executor": "processes", "workers": 0}, "workers must be a whole number ≥ 1, got 0"),
        ({"executor": "serial", "workers": 3}, 'executor="serial" has one worker, got workers=3'),
        ({"ray_address": "auto"}, "ray_address is for executor=\"ray\", got executor='serial'"),
    ],
)
def test_bad_choices_are_refused_at_once(options: dict, message: str, tiny: Sweep, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        tiny.run(tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_ray_missing_says_how_to_get_it(tiny: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r'pip install "advmi\[ray\]"'):
        tiny.run(tmp_path, executor="ray").drain()


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_no_cluster_at_the_address_is_said_at_once(address: str, tiny: Sweep, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"Ray cannot be started or reached at {address}: "):
        tiny.run(tmp_path, executor="ray", ray_address=address).drain()
