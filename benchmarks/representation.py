"""Do UAEs help to select inputs? `python -m benchmarks.representation [--dataset mice-protein] …`.

A concrete autoencoder with and without UAEs and noise, on Fashion-MNIST (50 pixels) or Mice Protein (10
levels): reconstruction from the selected inputs, and accuracy of trees that see only these. A killed run goes
on.
"""

from __future__ import annotations

from advmi_core.studies.autoencoders.features.representation import MICE, RepresentationStudy
from benchmarks.probing import options, run

STUDIES = {study.dataset: study for study in (RepresentationStudy(), MICE)}


def main() -> None:
    """Run it."""
    parser = options(__doc__)
    parser.add_argument("--dataset", choices=tuple(STUDIES), default="fashion-mnist")
    given = parser.parse_args()
    run(STUDIES[given.dataset], given)


if __name__ == "__main__":
    main()
