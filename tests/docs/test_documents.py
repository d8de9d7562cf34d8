"""README and docs: what they tell to type is run, links and citations resolve, written pages are current."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from advmi_core import report
from advmi_core.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
WRITTEN = [DOCS / name for name in report.pages(None)]
BY_HAND = [page for page in PAGES if page not in WRITTEN]
RUNNER = CliRunner(env={"COLUMNS": "400"})
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]*\]\(([^)\s]+)\)")
_KEYS = ("UAE", "NAMID", "MINE", "DIM", "WMIM", "SimCLR")
_CITED = re.compile(
    rf"\[([^\[\]`]*?(?:\b[A-Z]\w+(?: et al\.)? (?:19|20)\d\d\b|\b(?:{'|'.join(_KEYS)})\b)[^\[\]`]*)\]"
)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in _FENCED.findall(page.read_text("utf-8")) if kind == language]


@cache
def docstrings() -> tuple[tuple[str, str], ...]:
    """File and docstring, of all that is documented."""
    return tuple(_docstrings())


def _docstrings() -> Iterator[tuple[str, str]]:
    for path in sorted([*(ROOT / "advmi_core").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield name_of(path), ast.get_docstring(node) or ""


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as the forge makes them."""
    text = _FENCED.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture
def own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to work in, and nothing but what comes with AdvMI."""
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


SHELL = [
    line.split("#")[0].strip() for block in blocks(ROOT / "README.md", "bash") for line in block.split("\n")
]


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("advmi ")])
def test_what_the_readme_types_runs(own_world: Path, line: str) -> None:
    result = RUNNER.invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, (result.output, result.exception)


def test_the_readme_types_nothing_else_but_targets_of_make() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    others = [line for line in SHELL if line and not line.startswith("advmi ")]
    assert others
    assert {"make", *targets} >= {word for line in others for word in line.split()}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name_of)
def test_the_python_of_every_page_runs(own_world: Path, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)  # where dataclasses look for the names in their types
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), vars(module))  # the page's own code, in its order


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 6000


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "assets/README.md"], ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`]*`", "", _FENCED.sub("", page.read_text("utf-8")))  # code has brackets of its own
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", BY_HAND, ids=name_of)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`((?:advmi_core|tests|benchmarks|assets|pages)/[a-z_./]*)`", page.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_architecture_names_the_rooms_that_there_are() -> None:
    lines = re.findall(r"^\| (`.*?) \|", (DOCS / "develop/architecture.md").read_text("utf-8"), re.MULTILINE)
    rooms = {room for line in lines for room in re.findall(r"`(\w+)`", line)}
    packages = {path.parent.name for path in (ROOT / "advmi_core").glob("*/__init__.py")}
    assert packages <= rooms
    assert {room for room in rooms - packages if not (ROOT / f"advmi_core/{room}.py").exists()} == set()


def test_every_section_of_methods_that_is_cited_is_there() -> None:
    sections = set(re.findall(r"^## (\d+)\. ", (DOCS / "methods.md").read_text("utf-8"), re.MULTILINE))
    cited = {(file, number) for file, text in docstrings() for number in re.findall(r"METHODS §(\d+)", text)}
    assert cited
    assert {number for _, number in cited} <= sections, sorted(cited)
    assert sections == {str(number) for number in range(1, 11)}  # docstrings say that there are ten


def resolves(cited: str, entries: list[str]) -> bool:
    """A key has a heading; authors and year stand in one entry."""
    if year := re.search(r"\b(?:19|20)\d\d\b", cited):
        first = re.search(r"[A-Z]\w+", cited)
        return first is not None and any(first[0] in entry and year[0] in entry for entry in entries)
    wanted = [key for key in _KEYS if re.search(rf"\b{key}\b", cited)]
    return all(any(entry.startswith(f"## {key}\n") for entry in entries) for key in wanted)


def test_every_citation_is_in_the_references() -> None:
    entries = re.split(r"\n(?=## |- )", (DOCS / "references.md").read_text("utf-8"))
    groups = [(file, group) for file, text in docstrings() for group in _CITED.findall(text)]
    assert len(groups) > 50
    cited = [(file, " ".join(one.split())) for file, group in groups for one in group.split(";")]
    assert [(file, one) for file, one in cited if not resolves(one, entries)] == []
    assert not resolves("Nobody et al. 2018", entries)
    assert not resolves("UAE", entries[:1])


@pytest.mark.parametrize("page", BY_HAND, ids=name_of)
def test_no_result_is_copied_by_hand(page: Path) -> None:
    """Means with a spread and rates with a fraction stand on written pages only."""
    assert re.findall(r"\d ± \d|\d\.\d+ ?%|\[[+−]?\d+\.\d+, [+−]?\d+\.\d+\]", page.read_text("utf-8")) == []


def test_the_written_pages_are_current() -> None:
    result = RUNNER.invoke(app, ["report", "--check"])
    assert result.exit_code == 0, result.output


def test_report_writes_what_lies_here_and_names_what_is_not_current(tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["report", "--out", str(tmp_path)]).exit_code == 0
    written = {path.relative_to(tmp_path): path.read_text("utf-8") for path in tmp_path.rglob("*.md")}
    assert written == {page.relative_to(DOCS): page.read_text("utf-8") for page in WRITTEN}
    changed = tmp_path / "results/attacks.md"
    changed.write_text(changed.read_text("utf-8").replace("1", "2"), "utf-8")
    (tmp_path / "results/models.md").unlink()
    result = RUNNER.invoke(app, ["report", "--check", "--out", str(tmp_path)])
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "results/attacks.md" in said
    assert "results/models.md" in said
    assert "defences" not in said


def test_every_page_of_results_names_a_command(tmp_path: Path) -> None:
    for page in WRITTEN:
        parts = page.read_text("utf-8").split("\n## ")[1:]
        assert parts, page
        assert all(re.search(r"`[^`]*(?:advmi|python)|^advmi ", part) for part in parts), page


@pytest.mark.skipif(
    not all(map(find_spec, ("sphinx", "myst_parser", "furo"))),
    reason="Sphinx, MyST-Parser and furo are not installed (extra docs)",
)
def test_the_documentation_builds_without_a_warning_and_asks_nobody_for_anything(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(DOCS),
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|link)[^>]*?(?:src|href)=\"((?:https?:)?//[^\"]*)", text)
        assert loaded == [], page
    sheets = "".join(path.read_text("utf-8") for path in tmp_path.rglob("*.css"))
    assert not re.search(r"@import|url\([\"']?(?:https?:)?//", sheets)
    assert (tmp_path / "searchindex.js").is_file()
