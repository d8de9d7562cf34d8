"""Named data sets and uploads as images in [0,1], with labels and class names."""

from advmi_core.data.catalog import CATALOG, SPLITS, Entry
from advmi_core.data.choices import DataChoice, choices
from advmi_core.data.downloads import DownloadError, download
from advmi_core.data.image_set import ImageSet
from advmi_core.data.imagenet import imagenet_classes
from advmi_core.data.images import DecodedImage, decode_image
from advmi_core.data.loading import check_name, load, load_folder, original
from advmi_core.data.own import PHOTOGRAPHS, OwnSet, own_sets, register
from advmi_core.data.sources import DataNotFoundError, SourceStatus, available
from advmi_core.data.uploads.files import UNLABELLED

NAMES = tuple(CATALOG)

__all__ = [
    "CATALOG",
    "NAMES",
    "PHOTOGRAPHS",
    "SPLITS",
    "UNLABELLED",
    "DataChoice",
    "DataNotFoundError",
    "DecodedImage",
    "DownloadError",
    "Entry",
    "ImageSet",
    "OwnSet",
    "SourceStatus",
    "available",
    "check_name",
    "choices",
    "decode_image",
    "download",
    "imagenet_classes",
    "load",
    "load_folder",
    "original",
    "own_sets",
    "register",
]
