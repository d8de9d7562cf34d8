"""Do UAEs help a contrastive encoder? `python -m benchmarks.contrastive [--targets original] [--json FILE]`.

A small SimCLR encoder with and without UAEs and noise: its loss on the test split, and the accuracy of a
linear probe on its representation. A killed run goes on.
"""

from __future__ import annotations

from advmi_core.studies.autoencoders.features.contrastive import ContrastiveStudy
from benchmarks.probing import options, run


def main() -> None:
    """Run it."""
    run(ContrastiveStudy(), options(__doc__).parse_args())


if __name__ == "__main__":
    main()
