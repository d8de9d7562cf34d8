"""What the sweep `talk` found: `python benchmarks/talk.py [--runs DIR]`.

Without ``--runs`` the one that comes with AdvMI. Prints every cell, whether the methods are at least as
successful as PGD, and, paired over the images on which both succeed, what MinMax's solver keeps more than the
others, with its 95 % interval.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from advmi_core.evaluation import ImageTable, Paired, Summary, compare, summarise
from advmi_core.figures.sweep.series import place
from advmi_core.studies.sweep import load, runs

OURS = "minmax-solver"
Tables = dict[tuple[str, float], ImageTable]


def tables(folder: Path | None) -> Tables:
    """(method, ε) → table of the newest complete run of this sweep."""
    whole = [info for info in runs(folder) if info.complete and info.kind == "talk"]
    if not whole:
        raise SystemExit("No complete run of talk here: `advmi sweep --preset talk` makes one.")
    return {(cell.method, cell.eps): table for cell, table in load(whole[0].folder).tables.items()}


def show(method: str, eps: float, found: Summary) -> None:
    """One cell."""
    low, high = 100 * found.asr_interval.low, 100 * found.asr_interval.high
    print(
        f"{method:14} {place(eps):6} {found.counted:8} {100 * found.asr:6.1f} [{low:5.1f}, {high:5.1f}] "
        f"{100 * found.kept.mean:6.2f} ± {100 * found.kept.std:5.2f} {found.information.mean:6.2f} "
        f"{found.mi.mean:6.3f} ± {found.mi.std:.3f} {found.l2:6.3f} {found.linf:6.3f} {found.ssim:6.3f} "
        f"{found.queries:7.0f}"
    )


def ends(pair: Paired, factor: float = 1.0) -> str:
    """A difference with its interval."""
    scaled = pair.times(factor)
    return f"{scaled.mean:+.3f} [{scaled.low:+.3f}, {scaled.high:+.3f}]"


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, help="the folder given to `advmi sweep --runs`")
    found = tables(parser.parse_args().runs)
    print(f"{'method':14} {'':6} {'counted':>8} {'ASR, % [95 %]':>22} {'kept, %':>14} {'nats':>6}"
          f" {'InfoNCE, nats':>14} {'L2':>6} {'L∞':>6} {'SSIM':>6} {'queries':>7}")  # fmt: skip
    summaries = {key: summarise(table) for key, table in found.items()}
    for (method, eps), summary in summaries.items():
        show(method, eps, summary)
    print("\nASR minus PGD's, percentage points")
    for (method, eps), summary in summaries.items():
        if method != "pgd" and ("pgd", eps) in summaries:
            print(f"{method:14} {place(eps):6} {100 * (summary.asr - summaries['pgd', eps].asr):+6.1f}")
    print(f"\n{OURS} minus the rival, over the images on which both succeed: mean [95 % interval]")
    for eps in dict.fromkeys(eps for method, eps in found if method == OURS):
        for (method, other), table in found.items():
            if method != OURS and (other == eps or place(other) == "no ε"):
                pair = compare(found[OURS, eps], table)
                print(
                    f"{place(eps):6} {method:10} {pair.images:5} images   kept, % points "
                    f"{ends(pair.kept, 100)}   InfoNCE {ends(pair.mi)}   L2 {ends(pair.l2)}   "
                    f"SSIM {ends(pair.ssim)}"
                )


if __name__ == "__main__":
    main()
