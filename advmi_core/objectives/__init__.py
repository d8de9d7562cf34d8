"""What an attack is after: the criterion f with f(x̃) ≤ 0 on success, and the sign of the MI term.

Supervised (sign +1): misclassify while the MI of x and x̃ is maximised. Unsupervised (sign −1): reconstruct to
x at least as well as x itself does (or be matched with x's view as well as x is), while the MI is minimised
[UAE, sec. 3].
"""

from advmi_core.objectives.base import Evaluation, Objective, Problem
from advmi_core.objectives.classification import Classification
from advmi_core.objectives.contrastive import Contrastive
from advmi_core.objectives.logits import WIDEST, log_odds
from advmi_core.objectives.reconstruction import Reconstruction

__all__ = [
    "WIDEST",
    "Classification",
    "Contrastive",
    "Evaluation",
    "Objective",
    "Problem",
    "Reconstruction",
    "log_odds",
]
