"""Page of the lever: what the weight of MinMax moves, and what that costs."""

from __future__ import annotations

from typing import Any

from advmi_core.figures.text import signed
from advmi_core.report.markdown import made_by, page, section, table
from advmi_core.studies import shipped

Row = dict[str, Any]
_WHY = (
    "Contrast, brightness and linear filters can be undone, so the optimised measure lets them pass. The "
    "more the weight asks of it, the more of the perturbation is of that kind, and the worse is what SSIM "
    "sees, which counts contrast."
)
_MEASURES = {
    "information": "the share of information, which MinMax has optimised and pages show",
    "SSIM": "SSIM, which no attack has optimised",
    "InfoNCE 5×5": "InfoNCE on 5×5 patches, which no attack has optimised",
}


def lever() -> str:
    """The page."""
    found = shipped.read("lever", {"command"})
    return page(
        "The weight as a lever",
        "How much of an image's information does an adversarial example keep? MinMax has a weight for it; "
        "beside it stand CW and DDN, which know no information and seek the shortest perturbation. All on "
        "test images.",
        *([] if found is None else _sections(found)),
    )


def _sections(found: shipped.Table) -> list[str]:
    made = made_by(found["command"])

    def part(title: str, rows: list[dict[str, str]], lead: str = "", foot: str = "") -> str:
        return section(title, lead, table(rows), f"{foot} {made}".strip()) if rows else ""

    compared = found.get("supervised", {})
    return [
        part(
            "Two ends of the weight",
            [_end(row) for row in found.get("ends", [])],
            "Percent of the information kept, mean over the images.",
        ),
        part(
            "Unsupervised adversarial examples at the defaults", [_uae(row) for row in found.get("uaes", [])]
        ),
        *(
            part(
                f"Percent lost by supervised examples, {data}: {text}",
                [_lost(row, measure) for row in rows],
                foot="Means over all images, failures included; in brackets the paired 95 % interval of the "
                "difference, below 0 where less is lost.",
            )
            for data, rows in compared.items()
            for measure, text in _MEASURES.items()
        ),
        _WHY if compared else "",
        part(
            "x itself is the top",
            [_identity(row) for row in found.get("identity", [])],
            "Every MI term at the largest weight that keeps information, 300 steps. An image is above x by "
            "more than rounding in closed form, by more than two spreads between seeds in InfoNCE.",
        ),
        part(
            "Cost",
            [_cost(row) for row in found.get("cost", [])],
            f"One iteration at batch 64 on a machine of {found.get('machine', 'unknown kind')}.",
        ),
    ]


def _end(row: Row) -> dict[str, str]:
    return {
        "victim": row["model"],
        "ε": f"{row['eps']:g}",
        "weight w": signed(row["w"], 1),
        "images": str(row["n"]),
        "success": f"{row['success']:.1f} %",
        "kept": f"{row['kept']:.1f} %",
    }


def _uae(row: Row) -> dict[str, str]:
    return {
        "autoencoder": row["model"],
        "images": str(row["n"]),
        "success": f"{row['success']:.1f} %",
        "kept, median": f"{row['median']:.1f} %",
        "kept, largest": f"{row['largest']:.1f} %",
        "L2": f"{row['l2']:.2f}",
        "CPU-s a UAE": f"{row['seconds']:.3f}",
    }


def _lost(row: Row, measure: str) -> dict[str, str]:
    against = {name: each[measure] for name, each in row["against"].items()}
    cells = {
        f"less {name}": "–" if name not in against else _difference(against[name])
        for name in ("CW, 5 × 50", "DDN, 50")
    }
    return {
        "attack": row["attack"],
        "success": f"{row['success']:.1f} %",
        "L2": f"{row['l2']:.3f}",
        "lost": f"{row['lost'][measure]:.2f} %",
        **cells,
    }


def _difference(found: list[float]) -> str:
    mean, low, high, ratio = found
    return f"{signed(mean, 2)} [{signed(low, 2)}, {signed(high, 2)}], ×{ratio:.2f}"


def _identity(row: Row) -> dict[str, str]:
    return {
        "victim": row["model"],
        "term": row["term"],
        "kept": f"{row['kept']:.2f} %",
        "above x, of": f"{row['above']} of {row['n']}",
        "InfoNCE less that of x": f"{signed(row['infonce'], 3)}, spread {row['spread']:.3f}",
        "above x in InfoNCE": f"{row['infonce_above']} of {row['n']}",
    }


def _cost(row: Row) -> dict[str, str]:
    return {
        "victim": row["model"],
        "PGD": f"{row['pgd_ms']:.1f} ms",
        "MinMax": f"{row['minmax_ms']:.1f} ms",
        "in PGD iterations": f"{row['minmax_ms'] / row['pgd_ms']:.2f}",
        "UAEs a second": f"{row['uaes_per_second']:.1f}" if "uaes_per_second" in row else "–",
    }
