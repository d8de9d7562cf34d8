"""Text stands out from what is behind it: at least 4.5 to 1 (WCAG 2, AA), in numbers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
CSS = (ROOT / "assets" / "css" / "app.css").read_text(encoding="utf-8")
Rgb = tuple[float, ...]


def _rgb(colour: str) -> Rgb:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def _light(colour: Rgb) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(a: Rgb, b: Rgb) -> float:
    low, high = sorted((_light(a), _light(b)))
    return (high + 0.05) / (low + 0.05)


def _over(colour: Rgb, behind: Rgb, opacity: float) -> Rgb:
    return tuple(opacity * front + (1 - opacity) * back for front, back in zip(colour, behind, strict=True))


@pytest.mark.fault("P15")
@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("behind", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_captions_and_links(name: str, behind: str) -> None:
    theme, back = THEME[name], _rgb(THEME[name][behind])
    faint = [float(value) for value in re.findall(r"(?<!-)opacity: ([\d.]+);", CSS)]
    assert faint
    for opacity in (1.0, *faint):
        assert _contrast(_over(_rgb(theme["textColor"]), back, opacity), back) >= 4.5
    assert _contrast(_rgb(theme["linkColor"]), back) >= 4.5
    assert _contrast(_rgb(theme["primaryColor"]), back) >= 4.5


@pytest.mark.fault("P15")
@pytest.mark.parametrize(("at", "name"), [(0, "light"), (1, "dark")])
def test_the_primary_button(at: int, name: str) -> None:
    rule = next(
        line for line in CSS.splitlines() if line.startswith('[data-testid^="stBaseButton-primary"],')
    )
    inks = re.findall(r"#[0-9a-f]{6}", rule)
    assert _contrast(_rgb(inks[at]), _rgb(THEME[name]["primaryColor"])) >= 4.5


@pytest.mark.fault("P13")
@pytest.mark.parametrize(("at", "name"), [(0, "light"), (1, "dark")])
def test_the_mark_of_the_keyboard(at: int, name: str) -> None:
    rule = next(line for line in CSS.splitlines() if ":focus-visible { outline" in line)
    ring = re.findall(r"#[0-9a-f]{6}", rule)[at]
    assert _contrast(_rgb(ring), _rgb(THEME[name]["backgroundColor"])) >= 3


@pytest.mark.fault("P15")
@pytest.mark.parametrize(("at", "name"), [(0, "light"), (1, "dark")])
def test_the_chosen_one_of_several_under_the_mouse_and_the_keyboard(at: int, name: str) -> None:
    rule = next(line for line in CSS.splitlines() if line.startswith(".stButtonGroup button:is("))
    ink = _rgb(re.findall(r"#[0-9a-f]{6}", rule)[at])
    theme = THEME[name]
    for tint in (0.1, 0.2):  # Streamlit's, of the primary colour
        behind = _over(_rgb(theme["primaryColor"]), _rgb(theme["backgroundColor"]), tint)
        assert _contrast(ink, behind) >= 4.5
