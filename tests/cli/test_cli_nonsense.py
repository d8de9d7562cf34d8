"""Whatever is typed after a command, one sentence names it: no traceback, nothing written."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from advmi_core.cli import app
from advmi_core.cli import main as cli
from advmi_core.cli.options import MOST, MOST_SEEDS

RUNNER = CliRunner(env={"COLUMNS": "400"})
HUGE = "1" + "0" * 23
SMALL = ("attack", "--attack", "pgd", "--n", "1", "--steps", "1", "--set", "mi_steps=0", "--device", "cpu")
LARGEST_SEED = 2**63 - 1


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def refused(arguments: list[str]) -> str:
    """What the command says in the one line that is not its usage."""
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2, (arguments, result.output, result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return " ".join(result.output.replace("│", " ").split())


ATTACK = [
    (["--steps", HUGE], f"a whole number ≤ {MOST} is wanted, got {HUGE!r}"),
    (["--steps", "many"], "a whole number ≤ 10000000 is wanted, got 'many'"),
    (["--steps", "-3"], "steps must be a whole number ≥ 1, got -3"),
    (["--n", "1000000000"], f"a whole number ≤ {MOST} is wanted, got '1000000000'"),
    (["--n", "0"], "n must be a whole number ≥ 1, got 0"),
    (["--seed", "1" + "0" * 26], f"a whole number ≤ {LARGEST_SEED}"),
    (["--seed", "-1"], "seed must be a whole number ≥ 0, got -1"),
    (["--eps", "2"], "eps must be ≤ 1 for linf, because pixels lie in [0,1], got 2"),
    (["--eps", "nan"], "'--eps': a number or a fraction such as 8/255 is wanted, got 'nan'"),
    (["--eps", "8/0"], "'--eps': a number or a fraction such as 8/255 is wanted, got '8/0'"),
    (["--eps", "8/255/2"], "got '8/255/2'"),
    (["--eps", "1e999"], "got '1e999'"),
    (["--eps", "-8/255"], "eps must be ≥ 0"),
    (["--set", "eps=3/2"], "eps must be ≤ 1 for linf"),
    (["--set", "inner=" + "-" * 100_000], "inner"),
    (["--set", "inner=" + "(" * 100_000], "inner"),
    (["--set", "mi_steps=" + HUGE], "mi_steps must be a whole number ≥ 0 and < 2^63, got " + HUGE),
    (["--set", "steps"], "--set must be NAME=VALUE"),
    (["--set", "=3"], "--set must be NAME=VALUE"),
    (["--set", "step_size=[1,2]"], "step_size must be a finite number, got [1, 2]"),
    (["--out", ""], "'--out': the name of a folder is wanted, got ''"),
    (["--out", "  "], "'--out': the name of a folder is wanted"),
    (["--out", "occupied"], "'--out': occupied is a file, a folder is wanted"),
    (["--out", "occupied/below"], "'--out': occupied is a file, a folder is wanted"),
    (["--out", "a" * 300], "'--out': File name too long"),
    (["--split", "dev"], "split must be one of train, test, got 'dev'"),
    (["--device", ""], "device must be auto or one of"),
    (["--model", ""], "model must be one of"),
    (["--attack", ""], "attack must be one of"),
    (["--dataset", "../../etc"], "../../etc"),
    (["--whatever"], "No such option: --whatever"),
]

OTHERS = [
    (["app", "--port", "-1"], "port must be a whole number ≥ 0, got -1"),
    (["app", "--port", "99999999"], "a whole number ≤ 65535 is wanted, got '99999999'"),
    (["mi", "--n", "1000000000"], f"a whole number ≤ {MOST} is wanted, got '1000000000'"),
    (["mi", "--n", "100000000000000"], f"a whole number ≤ {MOST}"),
    (["mi", "--n", "0"], "n must be a whole number ≥ 1, got 0"),
    (["mi", "--mi", "inf"], "'--mi': a number"),
    (["mi", "--mi", "1e30"], "mi must be ≥ 0 and ≤ 10"),
    (["mi", "--dim", "1000"], "dim must be ≥ 1 and ≤ 20"),
    (["mi", "--seed", HUGE], "'--seed'"),
    (["mi", "--task", ""], "task must be one of"),
    (["mi", "--estimator", "x"], "estimator must be one of"),
    (["mi", "--estimator", "gaussian", "--steps", "3"], "steps must not be given for 'gaussian'"),
    (["study", "sampling", "--seeds", "1000000000"], f"a whole number ≤ {MOST_SEEDS}"),
    (["study", "sampling", "--seeds", "0"], "seeds must be a whole number ≥ 1, got 0"),
    (["study", "sampling", "--eps", "2"], "eps must be ≤ 1"),
    (["study", "sampling", "--n", "9999999"], "n must be"),
    (["study", "sampling", "--sampling", "nowhere"], "nowhere"),
    (["study", "sampling", "--out", ""], "'--out'"),
    (["study", "sampling", "--seed", HUGE], "'--seed'"),
    (["sweep"], "Missing option '--preset'"),
    (["sweep", "--preset", "none"], "preset must be one of"),
    (["sweep", "--preset", "smoke", "--n", "9999999"], "n must be"),
    (["sweep", "--preset", "smoke", "--n", HUGE], "'--n'"),
    (["sweep", "--preset", "smoke", "--shard", "0"], "shard must be a whole number ≥ 1, got 0"),
    (["sweep", "--preset", "smoke", "--workers", "-1"], "workers must be a whole number ≥ 1, got -1"),
    (["sweep", "--preset", "smoke", "--workers", "100000"], "'--workers'"),
    (["sweep", "--preset", "smoke", "--executor", "x"], "executor must be one of"),
    (["sweep", "--preset", "smoke", "--runs", "occupied"], "'--runs': occupied is a file"),
    (["table", "reconstruction", "--run", "--seeds", "1000000000"], "'--seeds'"),
    (["table", "reconstruction", "--run", "--n", "0"], "n must be"),
    (["table", "reconstruction", "--run", "--share", "nan"], "'--share'"),
    (["table", "reconstruction", "--csv", ""], "'--csv': the name of a file is wanted, got ''"),
    (["table", "reconstruction", "--csv", "."], "'--csv': . is a folder, a file is wanted"),
    (["table", "whitebox", "--run"], "--run needs --trained"),
    (["table", "whitebox", "--run", "--trained", ".", "--seeds", "0"], "seeds must be"),
    (["table", "whitebox", "--run", "--trained", ".", "--eps", "2"], "eps must be ≤ 1"),
    (["table", "whitebox", "--norm", "l7"], "norm must be one of"),
    (["table", "blackbox", "--run", "--trained", "nowhere"], "needs surrogate"),
    (["table", "whitebox", "--run", "--trained", "nowhere"], "nowhere"),
    (["train", "cnn", "--epochs", HUGE], "'--epochs'"),
    (["train", "cnn", "--lr", "0/1"], "lr must be > 0"),
    (["train", "cnn", "--validation", "5"], "validation must be"),
    (["train", "cnn", "--optimizer", "x"], "optimizer must be one of"),
    (["train", "cnn", "--out", ""], "'--out'"),
    (["train", "cnn", "--out", "occupied"], "'--out': occupied is a file"),
    (["train", "cnn", "--seed", HUGE], "'--seed'"),
    (["train"], "Missing argument"),
    (["train-defences"], "Missing option '--out'"),
    (["train-defences", "--out", "models", "--study", "x"], "study must be one of"),
    (["train-defences", "--out", "models", "--row", "x"], "rows must be one of"),
    (["train-defences", "--out", "models", "--eps", "2"], "eps must be ≤ 1"),
    (["train-defences", "--out", "models", "--seeds", "0"], "seeds must be a whole number ≥ 1"),
    (["train-defences", "--out", "models", "--n", "9999999"], "n must be"),
    (["data", "get", ""], "data set"),
    (["data", "get"], "Missing argument"),
    (["data", "burn"], "No such command 'burn'"),
    (["nonsense"], "No such command 'nonsense'"),
]


@pytest.mark.fault("L16")
@pytest.mark.fault("A7")
@pytest.mark.parametrize(("arguments", "sentence"), ATTACK)
def test_attack_names_the_argument(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("")
    said = refused([*SMALL, *arguments])
    assert sentence in said
    assert len(said) < 2500
    assert [path.name for path in tmp_path.iterdir()] == ["occupied"]


@pytest.mark.fault("L16")
@pytest.mark.parametrize(("arguments", "sentence"), OTHERS)
def test_every_other_command_names_the_argument(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("")
    assert sentence in refused(arguments)


@pytest.mark.fault("L16")
def test_a_port_in_use_is_named_before_anything_is_announced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(["app", "--port", str(port)])
    assert f"port {port} is in use" in said
    assert "starting" not in said


WORDS = ["", " ", "x", "-", "--", "0", "-1", "nan", "inf", "-inf", "1e999", "1/0", "8/255", HUGE, "9" * 5000]
WORDS += ["[", "None", "True", "{}", "\0", "../..", "ε", "\ud800", "1_0", "٣", "0x10", "'", "a" * 300]


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command of the program that computes or prints, with the words that call it."""
    if hasattr(command, "commands"):
        return [found for name, one in command.commands.items() for found in commands(one, (*path, name))]
    return [(path, command)]


NEEDED = {"train": ["cnn"], "get": ["mnist"], "sweep": ["--preset", "smoke"]}
NEEDED |= {"train-defences": ["--out", "models"]}
WRONG = {"sweep": ["--shard", "0"], "attack": ["--n", "0"], "train": ["--batch", "0"], "mi": ["--n", "0"]}
WRONG |= {"sampling": ["--steps", "0"], "app": ["--port", "-7"], "reconstruction": ["--run", "--n", "0"]}
WRONG |= {"train-defences": ["--n", "0"]}
WRONG |= {kind: ["--run"] for kind in ("whitebox", "blackbox", "ablation")}


@pytest.mark.slow
@pytest.mark.fault("L16")
@pytest.mark.parametrize(
    ("path", "command"),
    [pytest.param(*found, id=" ".join(found[0])) for found in commands(typer.main.get_command(app))],
)
def test_any_word_for_any_option_ends_in_a_sentence(
    path: tuple[str, ...], command: Any, tmp_path: Path
) -> None:
    """Each call holds one mistake at least (``WRONG``), so that none computes; many hold two."""
    if path[-1] not in WRONG:
        pytest.skip("takes nothing that could be wrong")
    stream = random.Random(18)
    flags = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    for option in flags:
        words = stream.sample(WORDS, 4) if not option.is_flag else [None]
        for word in words:
            given = [option.opts[0]] if word is None else [option.opts[0], word]
            arguments = [*path, *NEEDED.get(path[-1], []), *given, *WRONG[path[-1]]]
            result = RUNNER.invoke(app, arguments)
            assert isinstance(result.exception, SystemExit), (arguments, result.exception)
            assert result.exit_code == 2, (arguments, result.output)
            assert len(result.output) < 4000


@pytest.mark.fault("A7")
@pytest.mark.parametrize("given", [["--eps", "8/255"], ["--set", "eps=8/255"]], ids=str)
def test_a_radius_may_be_a_fraction(given: list[str], tmp_path: Path) -> None:
    result = RUNNER.invoke(app, [*SMALL, *given, "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "spec.json").read_text(encoding="utf-8"))["eps"] == 8 / 255


@pytest.mark.fault("A7")
@pytest.mark.slow
def test_fewer_images_than_asked_for_are_said_plainly() -> None:
    """Fashion-MNIST's embedded test set has 1,000 images, of which the shipped CNN gets 937 right."""
    people = RUNNER.invoke(app, [*SMALL, "--n", "5000"])
    sentence = "Asked for 5000 images; fashion-mnist has 1000 here, cnn gets 937 of them right"
    assert sentence in " ".join(people.output.split())
    facts = json.loads(RUNNER.invoke(app, [*SMALL, "--n", "5000", "--json"]).stdout)
    assert (facts["asked"], facts["available"], facts["looked_at"], facts["right"]) == (5000, 1000, 1000, 937)
    assert "Asked for" not in RUNNER.invoke(app, [*SMALL, "--n", "3"]).output


@pytest.mark.fault("L16")
def test_port_0_announces_the_free_port_that_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def keep(command: list[str], folder: Path) -> int:
        started.append(command)
        return 0

    monkeypatch.setattr(cli, "become", keep)
    result = RUNNER.invoke(app, ["app", "--port", "0", "--no-browser"])
    assert result.exit_code == 0, result.output
    port = next(word for word in started[0] if word.startswith("--server.port=")).partition("=")[2]
    assert int(port) > 1023
    assert f"http://localhost:{port} " in result.output
