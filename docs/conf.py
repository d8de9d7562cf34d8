"""How `make docs` builds this documentation: offline, and the built pages ask nobody for anything."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import advmi_core

project = "AdvMI"
author = copyright = "The AdvMI founders"
release = version = advmi_core.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_use_ivar = True
html_theme = "furo"
html_title = f"AdvMI {release}"
html_favicon = "../assets/icons/advmi.svg"
html_copy_source = False
html_show_sphinx = False
