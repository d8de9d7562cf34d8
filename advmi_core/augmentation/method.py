"""Augmentation: parameters of new images that can be run over all parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from advmi_core.augmentation.generation import Generation
from advmi_core.augmentation.records import Augmented, AugmentStep
from advmi_core.augmentation.spec import AugmentationSpec
from advmi_core.objectives import Objective, Reconstruction
from advmi_core.run import Run
from advmi_core.validate import check_images


@dataclass(frozen=True, kw_only=True)
class Augmentation(AugmentationSpec):
    """Augmentation with the parameters of ``AugmentationSpec``, ready to run."""

    def run(
        self,
        model: nn.Module | Objective,
        x: Tensor,
        *,
        l2: Tensor | None = None,
        directory: Path | None = None,
    ) -> Run[AugmentStep, Augmented]:
        """Start making the images; closing the run keeps all finished parts.

        Args:
            model: an autoencoder, or the objective that the UAEs pursue; images are made where it lives.
            x: (N,C,H,W) float32 images in [0,1].
            l2: only ``"gaussian"``: (N,) wanted ‖x̃ − x‖₂ of each image. One whose box [0,1] has no room for
                it gets the corner of the box that its noise points to.
            directory: keeps finished parts in a folder named by all of this; the same call goes on from them,
                so a kill loses at most the part in hand. Several processes may share it.

        Raises:
            ValueError: images, lengths or folder are not as stated, or the model cannot take the images.
        """
        check_images(x)
        objective = model if isinstance(model, Objective) else Reconstruction(model)
        making = Generation(self, objective, x.detach(), self._lengths(x, l2), directory)
        return Run(making.steps(), making.result, making.total)
