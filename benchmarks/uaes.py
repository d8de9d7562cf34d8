"""How long one UAE per training image takes, and how much of it is its random start.

`ADVMI_DATA=<data folder> python benchmarks/uaes.py [--n 10000] [--strength kept] [--out DIR]`: ae-conv,
published MI, 40 steps, compact; as published (20 critic steps), or with what `benchmarks/uae_search.py` kept.
Finished parts are kept in ``--out``, so the same command goes on after a kill; the time of parts found there
counts as well.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from advmi_core import data, models, paths
from advmi_core.augmentation import Augmentation
from advmi_core.augmentation.strength import DEFAULTS, PUBLISHED
from advmi_core.device import tune_cpu

STRENGTHS = {"published": PUBLISHED, "kept": DEFAULTS["mine-conv"]}
EVERY = 4  # parts between two lines


def main() -> None:
    """Make them and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="images, the first of the training split")
    parser.add_argument("--model", default="ae-conv")
    parser.add_argument("--strength", choices=tuple(STRENGTHS), default="published")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--out", type=Path, default=paths.studies(), help="keeps finished parts")
    args = parser.parse_args()
    tune_cpu()
    images = data.load("fashion-mnist", "train").first(args.n)
    model = models.load(args.model, dataset="fashion-mnist")
    strength = STRENGTHS[args.strength]
    how = Augmentation(steps=args.steps, **strength._asdict())
    run = how.run(model, images.x, directory=args.out)
    seconds, parts, found = 0.0, 0, 0
    for step in run:
        if step.step > parts:
            parts, seconds, found = step.step, seconds + step.seconds, found + int(step.reused)
            if parts % EVERY == 0:
                print(f"{step.done} images, {seconds:.0f} s", flush=True)
    made = run.result
    start, moved, whole = (float(lengths.mean()) for lengths in (made.start_l2, made.moved_l2, made.l2))
    print(f"{made.count} UAEs of {args.model}, {args.steps} steps, {strength}: {seconds:.0f} s")
    print(f"{found} of {parts} parts found in {args.out}")
    print(f"success {100 * made.asr:.1f} %, L2 {whole:.2f}: start {start:.2f}, moved {moved:.2f}")


if __name__ == "__main__":
    main()
