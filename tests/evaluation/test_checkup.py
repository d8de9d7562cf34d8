"""What a look at a model says of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from advmi_core.data import ImageSet
from advmi_core.evaluation.checkup import check_model
from advmi_core.models import Facts, wrap

SHAPE = (3, 8, 8)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Made(nn.Module):
    """A linear classifier with something done to its logits."""

    def __init__(self, change: str = "") -> None:
        super().__init__()
        self.layer, self.change = nn.Linear(3 * 8 * 8, 4), change
        self.norm = nn.BatchNorm1d(4, track_running_stats=False)
        with torch.no_grad():
            self.layer.weight.normal_(generator=torch.Generator().manual_seed(0))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layer(x.flatten(1))
        if self.change == "softmax":
            return logits.softmax(1)
        if self.change == "saturated":
            return (1e30 * logits).clamp(-1, 1)
        if self.change == "random":
            return logits + torch.rand_like(logits)
        if self.change == "batch":
            return self.norm(logits) * 3
        if self.change == "nan":
            return logits / 0 * 0
        return logits


def _look(change: str, images: ImageSet | None = None) -> str:
    return " ".join(check_model(wrap(Made(change), "mine", Facts(SHAPE)), images).trouble)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("softmax", "look like probabilities, not logits"),
        ("saturated", "images is exactly zero or not finite"),
        ("random", "two passes of the same image differ"),
        ("batch", "The model mixes images"),
        ("nan", "NaN or infinite"),
    ],
)
def test_what_is_odd_is_said(change: str, said: str) -> None:
    assert said in _look(change)


def test_nothing_is_odd_about_a_usual_model_and_its_facts_are_right() -> None:
    network = wrap(Made(), "mine", Facts(SHAPE))
    found = check_model(network)
    assert found.trouble == ()
    assert (found.facts["kind"], found.facts["classes"], found.facts["shape"]) == ("classifier", 4, [3, 8, 8])
    assert found.facts["without_gradient"] == 0


def test_what_cannot_be_attacked_gets_one_sentence() -> None:
    class Detached(Made):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).detach()

    with pytest.raises(ValueError, match="differentiable"):
        check_model(wrap(Detached(), "mine", Facts(SHAPE)))


def _labelled(network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> ImageSet:
    """Images with the answers that the network gives behind this normalisation as their labels."""
    x = torch.rand(32, *SHAPE, generator=torch.Generator().manual_seed(1))
    centre, scale = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    with torch.no_grad():
        y = network((x - centre) / scale).argmax(1)
    return ImageSet(x, y, tuple("abcd"), "mine", "test", "folder")


def test_a_missing_normalisation_is_found_and_the_options_named() -> None:
    module = Made().eval()
    images = _labelled(module, MEAN, STD)
    without = check_model(wrap(module, "mine", Facts(SHAPE)), images)
    assert "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225" in " ".join(without.trouble)
    assert "right on 100 %" in " ".join(without.trouble)
    behind = check_model(wrap(module, "mine", Facts(SHAPE, MEAN, STD)), images)
    assert behind.trouble == ()
    assert behind.facts["metrics"]["accuracy"] == 1


def test_an_autoencoder_that_leaves_the_range_is_told() -> None:
    class Shifted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * x - 1

    assert "leave [0,1]" in " ".join(check_model(wrap(Shifted(), "mine", Facts(SHAPE))).trouble)
