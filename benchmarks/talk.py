"""What the sweeps `talk` and `talk-penalty` found: `python benchmarks/talk.py [--runs DIR]`.

Without ``--runs`` those that come with AdvMI. Prints every cell, whether MinMax is at least as successful as
PGD, and paired over the images on which both succeed how much more MI the closed form keeps than the others,
with its 95 % interval.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from advmi_core.evaluation import ImageTable, Summary, compare, summarise
from advmi_core.studies.sweep import load, runs

OURS, RIVALS = "minmax-gaussian", ("pgd", "minmax", "penalty")
Tables = dict[tuple[str, float], ImageTable]


def tables(folder: Path | None) -> Tables:
    """(method, ε) → table of all complete runs of these two sweeps."""
    found: Tables = {}
    for info in runs(folder):
        if info.complete and info.name in ("talk", "talk-penalty"):
            for cell, table in load(info.folder).tables.items():
                found.setdefault((cell.method, cell.eps), table)
    return found


def show(method: str, eps: float, found: Summary) -> None:
    """One cell."""
    low, high = 100 * found.asr_interval.low, 100 * found.asr_interval.high
    print(
        f"{method:16} {eps:5g} {found.counted:8} {100 * found.asr:6.1f} [{low:5.1f}, {high:5.1f}] "
        f"{found.mi.mean:6.3f} ± {found.mi.std:.3f} {found.l2:6.3f} {found.linf:6.3f} {found.psnr:6.1f} "
        f"{found.ssim:6.3f} {found.queries:7.0f}"
    )


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, help="the folder given to `advmi sweep --runs`")
    found = tables(parser.parse_args().runs)
    if not found:
        raise SystemExit(
            "No complete run of talk or talk-penalty here: `advmi sweep --preset talk` makes one."
        )
    print(f"{'method':16} {'ε':>5} {'counted':>8} {'ASR, % [95 %]':>22} {'MI, nats':>14} {'L2':>6} {'L∞':>6}"
          f" {'PSNR':>6} {'SSIM':>6} {'queries':>7}")  # fmt: skip
    summaries = {key: summarise(table) for key, table in found.items()}
    for (method, eps), summary in summaries.items():
        show(method, eps, summary)
    print("\nASR minus PGD's, percentage points")
    for (method, eps), summary in summaries.items():
        if method != "pgd" and ("pgd", eps) in summaries:
            print(f"{method:16} {eps:5g} {100 * (summary.asr - summaries['pgd', eps].asr):+6.1f}")
    print(f"\n{OURS} minus the rival, over the images on which both succeed: mean [95 % interval]")
    for (method, eps), table in found.items():
        if method in RIVALS and (OURS, eps) in found:
            pair = compare(found[OURS, eps], table)
            mi, l2 = (f"{p.mean:+.3f} [{p.low:+.3f}, {p.high:+.3f}]" for p in (pair.mi, pair.l2))
            print(f"{method:16} {eps:5g} {pair.images:5} images   MI {mi}   L2 {l2}")


if __name__ == "__main__":
    main()
