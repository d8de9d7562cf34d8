"""Every fault that was found from outside has a test that keeps it mended.

`pytest -m fault --collect-only -q` lists them. The letters: A attacks and models, M mutual information, D
data, S the app's state, G devices, P people at the app, L load and bad files. P4 and P9 are open: the
weight of the MI term that moves little, and presenter mode.
"""

from __future__ import annotations

import re
from pathlib import Path

OPEN = {"P4", "P9"}
COUNTS = {"A": 8, "M": 6, "D": 4, "S": 4, "G": 8, "P": 15, "L": 18}
MARK = re.compile(r'mark\.fault\("([A-Z]\d+)"\)')


def test_every_fault_has_a_test_by_its_letter() -> None:
    known = {f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)} - OPEN
    here = Path(__file__).parent
    marked = {found for path in here.rglob("test_*.py") for found in MARK.findall(path.read_text("utf-8"))}
    assert marked == known, f"without a test: {sorted(known - marked)}; unknown: {sorted(marked - known)}"
