"""Named data sets and uploads as images in [0,1], with labels and class names."""

from advmi_core.data.image_set import ImageSet
from advmi_core.data.loading import load
from advmi_core.data.sources import DataNotFoundError

__all__ = ["DataNotFoundError", "ImageSet", "load"]
