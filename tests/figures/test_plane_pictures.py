"""What a browser is sent of a plane: never more than it takes at once; UAEs in the order of their share."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from advmi_core.figures.attack import plane as figure
from advmi_core.figures.attack import share
from advmi_core.figures.attack.stage import Prediction, Rebuilt, payload
from advmi_core.figures.attack.trajectory import Trajectory, start
from advmi_core.objectives import Reconstruction
from advmi_core.studies.plane import FALLING, Plane

MOST = 4_000_000  # characters of one message


class Blur(torch.nn.Module):
    """A stand-in of an autoencoder for pictures of any size."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(x, 5, stride=1, padding=2)


def trail_of(side: tuple[int, int, int], count: int, rebuilt: bool) -> Trajectory:
    rng = np.random.default_rng(0)
    frames = rng.random((count, *side), dtype=np.float32)
    outputs = frames if rebuilt else rng.random((count, 10), dtype=np.float32)
    trail = start(frames[0], count, outputs[0])
    return Trajectory(**{**vars(trail), "steps": np.arange(count), "frames": frames, "outputs": outputs})


@pytest.mark.parametrize("rebuilt", [True, False])
@pytest.mark.parametrize("side", [(3, 224, 224), (1, 224, 224), (3, 300, 90)])
def test_large_pictures_are_thinned_to_what_a_browser_takes(
    side: tuple[int, int, int], rebuilt: bool
) -> None:
    whole = trail_of(side, 99, rebuilt)
    thin = figure.thinned(whole)
    reading: Any = Rebuilt(thin.output, thin.outputs)
    if not rebuilt:
        reading = Prediction(thin.output, thin.outputs, [str(i) for i in range(10)], 0)
    sent = payload(thin, reading, key="k")
    assert 1_500_000 < len(json.dumps(sent)) <= MOST
    channels, height, width = sent["shape"]
    assert channels == side[0]
    assert height / side[1] == pytest.approx(width / side[2], abs=0.02)
    delta = np.frombuffer(base64.b64decode(sent["delta"]), np.int8).reshape(99, height, width, channels)
    rows = ((np.arange(height) + 0.5) * side[1] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * side[2] / width).astype(int)
    change = (whole.frames[7] - whole.x)[:, rows][:, :, columns]
    np.testing.assert_allclose(
        np.moveaxis(delta[7] / 127 * sent["scale"], -1, 0), change, atol=sent["scale"] / 127
    )


def test_small_pictures_stay_whole() -> None:
    whole = trail_of((1, 28, 28), 99, True)
    thin = figure.thinned(whole)
    np.testing.assert_array_equal(thin.frames, whole.frames)
    np.testing.assert_array_equal(thin.outputs, whole.outputs)


def test_a_plane_of_a_colour_model_of_224_pixels_fits_one_message() -> None:
    x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    plane = Plane(eps=(0.5,), weights=FALLING[::4], steps=2)
    found = plane.run(lambda count: Reconstruction(Blur()), x).drain().found
    many = [images.repeat_interleave(10, 0).numpy() for images in (found.x_adv, found.output_adv)]
    trail = start(x[0].numpy(), 1, found.output[0].numpy())
    whole = {"frames": many[0], "outputs": many[1], "steps": np.arange(len(many[0]))}
    thin = figure.thinned(Trajectory(**{**vars(trail), **whole}))
    assert len(json.dumps(payload(thin, Rebuilt(thin.output, thin.outputs), key="k"))) <= MOST


def uaes(weights: tuple[float, ...], steps: int) -> Any:
    torch.manual_seed(1)
    x = torch.nn.functional.avg_pool2d(torch.rand(1, 1, 28, 28), 3, stride=1, padding=1)
    return (
        Plane(eps=(1.0,), weights=weights, steps=steps).run(lambda count: Reconstruction(Blur()), x).drain()
    )


def test_the_stops_go_from_the_uae_that_keeps_most_to_the_one_that_keeps_least() -> None:
    result = uaes((0.0, 0.02, 0.05, 0.1, 0.3, 1.0, 10.0), 40)
    rows, found = share.stops(result.found), result.found
    kept = found.kept[rows]
    assert (kept[:-1] - kept[1:] > 0.003).all()
    assert found.success[rows].all()
    assert float(kept[-1]) == float(found.kept[found.success].min())
    drawn = share.complete(result, rows)
    assert drawn["shares"] == pytest.approx((100 * kept).tolist())
    assert drawn["ends"][1].startswith(f"at least {drawn['labels'][-1]} must stay")
    assert "ε = 1 and 40 steps" in drawn["ends"][1]
    for row, numbers, (tone, _, text) in zip(rows, drawn["numbers"], drawn["verdicts"], strict=True):
        assert dict(numbers)["MI weight w"] == f"{result.plane.weights[row]:g}"
        assert tone != "good" or text.startswith("x̃ keeps")


def test_without_a_uae_there_is_no_stop_and_a_sentence() -> None:
    result = uaes((0.0, 1.0), 5)
    failed = type(result.found)(**{**vars(result.found), "success": torch.zeros(2, dtype=torch.bool)})
    none = type(result)(result.plane, failed)
    assert share.stops(failed) == []
    drawn = share.complete(none, [])
    assert drawn["shares"] == []
    assert drawn["ends"][0].startswith("No picture was found")
