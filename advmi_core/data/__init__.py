"""Named data sets and uploads as images in [0,1], with labels and class names."""

from advmi_core.data.catalog import CATALOG, SPLITS, Entry
from advmi_core.data.downloads import DownloadError, download
from advmi_core.data.image_set import ImageSet
from advmi_core.data.images import DecodedImage, decode_image
from advmi_core.data.loading import load, load_folder
from advmi_core.data.own import OwnSet, own_sets
from advmi_core.data.sources import DataNotFoundError, SourceStatus, available

NAMES = tuple(CATALOG)

__all__ = [
    "CATALOG",
    "NAMES",
    "SPLITS",
    "DataNotFoundError",
    "DecodedImage",
    "DownloadError",
    "Entry",
    "ImageSet",
    "OwnSet",
    "SourceStatus",
    "available",
    "decode_image",
    "download",
    "load",
    "load_folder",
    "own_sets",
]
