"""The address that a page gives itself."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl


def written(app: Any) -> dict[str, str]:
    """The parameters that the address bar holds after this run."""
    protos = [element.proto for element in app.get("bidi_component")]
    (data,) = [json.loads(proto.json) for proto in protos if proto.component_name == "advmi_link"]
    return dict(parse_qsl(data["query"]))
