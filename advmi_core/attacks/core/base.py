"""What all attacks share: parameters, batching, keeping the best iterate, and the result.

An attack itself is one readable generator, ``iterates``, that yields one ``Iterate`` a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import torch
from torch import Tensor

from advmi_core.attacks.core.about import About, Variant
from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.best import BestIterates
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.memory import rows_that_fit
from advmi_core.attacks.core.records import AttackResult, Step
from advmi_core.fields import SEED, Field, check_fields, parameters
from advmi_core.memory import give_back, out_of_memory, say_smaller
from advmi_core.mi.per_image.estimate import DEFAULT_STEPS
from advmi_core.mi.per_image.information import Information, measure_of
from advmi_core.objectives import Classification, Objective, Problem
from advmi_core.run import Run
from advmi_core.validate import check_count, check_same_length

STEPS = Field(
    "Iterations", "Steps of the image; of every run or target, where an attack has several.",
    low=1, offered=(1, 2000), main=True,
)  # fmt: skip
LENGTH = Field(
    "Longest δ: ‖δ‖₂ ≤ ε", "The attack looks for the shortest δ; longer ones than this do not count.",
    low=0, offered=(0, 5), step=0.05, slider=True, main=True,
)  # fmt: skip
NORM = Field(
    "Norm of the ball", "L∞ bounds every pixel, L2 the length of the whole perturbation.",
    choices={"linf": "L∞", "l2": "L2"}, main=True,
)  # fmt: skip
L2_ONLY = replace(NORM, choices={"l2": "L2"})
STEP_SIZE = Field(
    "Step size α", "Empty: chosen from ε and the iterations.", low=0, above=True, offered=(1e-5, 10),
    step=0.001,
)  # fmt: skip
CRITIC = Field(
    "Critic network",
    "compact: about 40,000 weights an image on the CNN's maps, 50,000 on a convolutional autoencoder's, "
    "18,000 on random projections; paper: 10 to 12 million on maps, 140,000 on random projections.",
    choices={"compact": "compact (fast)", "paper": "paper (published)"}, main=True,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Parameters common to all attacks; instances are frozen and JSON-serialisable through ``spec()``.

    Ranges and meanings stand beside the parameters, see ``fields``; ε and pixels have the unit of images in
    [0,1]. The same seed, device and rows give the same result.
    """

    name: ClassVar[str]
    #: what pages, figures, the command line and the documentation say of it
    about: ClassVar[About] = About()
    #: parameters that may be one number for each row, a (B,) tensor or sequence
    by_row: ClassVar[tuple[str, ...]] = ()
    #: parameters that forms leave out, because they change nothing where the others are as usual
    hidden: ClassVar[frozenset[str]] = frozenset({"batch_size", "critic", "inner", "bound", "pairs"})

    eps: Annotated[
        float,
        Field(
            "Budget ε: ‖δ‖ ≤ ε", "Largest allowed change of a pixel (L∞) or length of δ (L2).",
            low=0, offered=(0, 1), step=0.01, slider=True, main=True,
        ),
    ] = 0.3  # fmt: skip
    steps: Annotated[int, STEPS] = 40
    norm: Annotated[str, NORM] = "linf"
    critic: Annotated[str, CRITIC] = "compact"
    mi_steps: Annotated[
        int,
        Field(
            "Critic steps of the final MI", "Fresh critics measure the kept iterate; 0 leaves it out.",
            low=0, offered=(0, 2000), step=10,
        ),
    ] = DEFAULT_STEPS  # fmt: skip
    seed: Annotated[int, SEED] = 0
    batch_size: Annotated[
        int | None, Field("Images at once", "Empty: as many as fit the memory.", low=1)
    ] = None  # fmt: skip
    quantize: Annotated[
        bool, Field("Round to 8 bits", "The result stays inside ball and box after a PNG round trip.")
    ] = False

    def __post_init__(self) -> None:
        for name in ("eps", "mi_weight"):
            if name not in self.by_row and isinstance(getattr(self, name, None), tuple | list | Tensor):
                raise ValueError(f"{name} must be one number for {self.name}, got one for each row")
        check_fields(self, self.by_row)

    @classmethod
    def label(cls) -> str:
        """Its name for people."""
        return cls.about.label or cls.name

    @classmethod
    def variants(cls) -> Mapping[str, Variant]:
        """The methods that a sweep offers, by name."""
        named = cls.about.variants
        return {cls.name: Variant(cls.label())} if named is None else named

    @classmethod
    def norms(cls) -> tuple[str, ...]:
        """Of the balls that it knows."""
        return next(tuple(each.field.choices) for each in parameters(cls) if each.name == "norm")

    @abstractmethod
    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        """Attack a part of the batch: one ``Iterate`` a step, ``iterations`` of them."""

    @abstractmethod
    def check(self, objective: Objective) -> None:
        """Raise ValueError if the attack cannot pursue this objective."""

    def loop_term(self, objective: Objective) -> str:
        """The name of the MI term in its loop, one of ``MI_TERMS``; "" where it uses none."""
        return ""

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the user should know of these parameters, sentences for ``AttackResult.warnings``."""
        return ()

    def critic_weights(self, problem: Problem) -> int:
        """Weights that learn along with one image; 0 where the attack has no critic."""
        return 0

    @property
    def follows_gradients(self) -> bool:
        """Whether the model must be differentiable."""
        return True

    @property
    def iterations(self) -> int:
        """All steps of the image together; more than ``steps`` where an attack runs several times."""
        return self.steps

    def spec(self) -> dict[str, Any]:
        """All parameters, equal to what JSON gives back of them."""
        own = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {"attack": self.name, **own}

    def run(
        self,
        objective: Objective,
        x: Tensor,
        *,
        rows: Sequence[int] | None = None,
        record_every: int = 1,
    ) -> Run[Step, AttackResult]:
        """Start the attack; iterate the run for ``Step`` records, close it to keep what was found.

        Args:
            objective: what to achieve, with the model.
            x: (B,C,H,W) float32 images in [0,1].
            rows: B distinct row ids ≥ 0 that seed the rows' random streams, default 0…B−1.
            record_every: steps between two records; 0 records nothing.

        Raises:
            ValueError: images, labels, rows or parameters are not as stated.
        """
        check_count(record_every, "record_every", low=0)
        self.check(objective)
        problem = objective.on(x)
        if self.follows_gradients:
            problem.check_differentiable()
        ids = list(range(len(x))) if rows is None else [int(row) for row in rows]
        check_same_length(x, torch.as_tensor(ids), "x and rows")
        if min(ids) < 0 or len(set(ids)) < len(ids):
            raise ValueError(f"rows must be distinct and ≥ 0, got {ids}")
        self.check_rows(len(x))
        kept = BestIterates(self, problem, ids, x)
        return Run(self._parts(problem, ids, kept, record_every), kept.result, self.iterations)

    def __call__(self, objective: Objective, x: Tensor, *, rows: Sequence[int] | None = None) -> AttackResult:
        """The whole attack at once; arguments as in ``run``."""
        return self.run(objective, x, rows=rows, record_every=0).drain()

    def radius(self, x: Tensor) -> float | Tensor:
        """ε: one number, or (B,) on the device of x (B,…)."""
        return self.row_numbers(self.eps, x) if isinstance(self.eps, tuple) else self.eps

    def row_numbers(self, value: float | Sequence[float], x: Tensor) -> Tensor:
        """(B,) numbers on the device of x (B,…), from one for all or one for each."""
        given = torch.as_tensor(value, dtype=torch.float32)
        return given.expand(len(x)).to(x.device)

    def check_rows(self, count: int) -> None:
        """Raise ValueError unless parameters given by row are for so many rows."""
        for name in self.by_row:
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != count:
                raise ValueError(f"{name} must be one number or {count}, one for each row, got {len(value)}")

    def _of_rows(self, part: slice) -> Self:
        """The same attack with the numbers of some rows."""
        own = {name: getattr(self, name) for name in self.by_row}
        some: dict[str, Any] = {n: v[part] for n, v in own.items() if isinstance(v, tuple)}
        return replace(self, **some)

    def repeated(self, times: int) -> Self:
        """The same attack for so many batches in a row, each with the numbers of its rows."""
        own = {name: getattr(self, name) for name in self.by_row}
        many: dict[str, Any] = {n: v * times for n, v in own.items() if isinstance(v, tuple)}
        return replace(self, **many)

    def _parts(
        self, problem: Problem, ids: list[int], kept: BestIterates, record_every: int
    ) -> Generator[Step, None, None]:
        """Attack the batch in parts that fit; a part that does not after all is halved and started anew."""
        size = self.batch_size or rows_that_fit(problem, self.critic_weights(problem))
        start = 0
        while start < len(problem):
            part = slice(start, min(start + size, len(problem)))
            try:
                yield from self._part(problem, part, ids, kept, record_every, size)
            except (RuntimeError, MemoryError) as error:
                if part.stop - part.start == 1 or not out_of_memory(error):
                    raise
                size = (part.stop - part.start) // 2
            else:
                start = part.stop
                continue
            give_back(problem.x.device)
            kept.warn(say_smaller(size))

    def _part(
        self,
        problem: Problem,
        part: slice,
        ids: list[int],
        kept: BestIterates,
        record_every: int,
        size: int,
    ) -> Iterator[Step]:
        piece = problem.take(part)
        attack = self._of_rows(part)
        ball = Ball(piece.x, attack.radius(piece.x), attack.norm, attack.quantize)
        parts = -(-len(problem) // size)
        done = part.start // size * self.iterations
        kept.begin(part)
        of = measure_of(piece.x) if record_every else None
        for step, iterate in enumerate(attack.iterates(piece, ball, ids[part]), start=1):
            kept.keep(part, step, iterate)
            if record_every and (step % record_every == 0 or step in (1, self.iterations)):
                told = record(iterate, of, kept, part, done + step, parts * self.iterations)
                kept.tell(part, step, told)
                yield told


def need_labels(objective: Objective, what: str) -> None:
    """Raise ValueError unless the objective is a Classification, which ``what`` needs."""
    if not isinstance(objective, Classification):
        raise ValueError(f"{what} needs a Classification objective, got {type(objective).__name__}")


def record(
    iterate: Iterate, of: Information | None, kept: BestIterates, part: slice, step: int, total: int
) -> Step:
    """What is told of the rows ``part`` after a step.

    ``of`` measures their images, None where they are too small; ``kept`` knows which rows of the batch have
    been successful.
    """
    information = torch.full_like(iterate.score, torch.nan) if of is None else of(iterate.x_adv)
    return Step(
        step=step,
        total=total,
        rows=torch.arange(part.start, part.stop),
        x_adv=iterate.x_adv.cpu().clone(),
        output=iterate.evaluation.output.cpu().clone(),
        criterion=iterate.evaluation.criterion.cpu(),
        information=information.cpu(),
        kept=(information if of is None else of.share(information)).cpu(),
        mi=iterate.mi.cpu(),
        c=iterate.c.cpu(),
        gap=iterate.gap.cpu(),
        success=iterate.evaluation.success.cpu(),
        found=kept.found[part].cpu().clone(),
        loop_term=kept.loop_term,
    )
