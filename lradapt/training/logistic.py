"""Multinomial logistic regression with an L2 penalty, solved by L-BFGS.

Letters: N rows, E inputs of a row (features and the constant 1, which is the last), K classes. With
weights w of the rows, the minimum is sought of

    sum_i w_i cross_entropy(W x_i, y_i) / sum_i w_i  +  penalty / 2 * |W|^2

without the constant's column in |W|^2. Features of a network are strongly correlated, so plain
L-BFGS needs hundreds of steps. Here it moves in the coordinates V = W L, where L L^T is the Hessian
at W = 0, up to the coupling of the classes; that takes a tenth of the steps (docs/log.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_PORTION = 4096  # rows weighted at once for the Gram matrix
_MEMORY = 10  # steps from which L-BFGS knows the curvature
_MOST_STEPS = 2000


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a regression, all on the CPU.

    Attributes:
        inputs: fp32 `[N, E]`; the last column is 1.
        labels: int64 `[N]`.
        weights: of each row in the loss, fp32 `[N]`.
    """

    inputs: Tensor
    labels: Tensor
    weights: Tensor

    def gram(self) -> Tensor:
        """Return the sum of w x x^T, fp32 `[E, E]`."""
        total = torch.zeros(self.inputs.shape[1], self.inputs.shape[1])
        portions = zip(
            torch.split(self.inputs, _PORTION), torch.split(self.weights, _PORTION), strict=True
        )
        for inputs, weights in portions:
            total.addmm_((inputs * weights[:, None]).T, inputs)
        return total

    def losses(self, weights_KE: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits `[K, N]` and the cross-entropy of each row `[N]`."""
        logits_KN = weights_KE @ self.inputs.T
        own_N = logits_KN.gather(0, self.labels[None])[0]
        return logits_KN, logits_KN.logsumexp(0) - own_N


@dataclass(frozen=True, slots=True)
class Solution:
    """Weights at the minimum.

    Attributes:
        weights: fp32 `[K, E]`.
        loss: without the penalty.
        evaluations: of the loss and its gradient.
    """

    weights: Tensor
    loss: float
    evaluations: int


def solve(
    parts: Sequence[Rows],
    gram_EE: Tensor,
    start_KE: Tensor,
    *,
    penalty: float,
    tolerance: float,
) -> Solution:
    """Minimise from `start_KE`.

    Args:
        parts: the rows; several parts, so that folds need not be copied.
        gram_EE: sum of their Gram matrices.
        start_KE: weights, such as those at a stronger penalty.
        penalty: above 0.
        tolerance: least fall in a step, as a share of the value at the start; the search ends below
            it.
    """
    from scipy.optimize import minimize  # half a second, only where a head is solved

    num_classes, num_inputs = start_KE.shape
    total = float(sum(part.weights.sum() for part in parts))
    penalties_E = torch.full((num_inputs,), penalty)
    penalties_E[-1] = 0
    factor_EE = _factor(gram_EE / (total * num_classes), penalties_E)

    def objective(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights_KE = _weights(flat, factor_EE, num_classes)
        loss, slope_KE = _loss_and_slope(parts, weights_KE)
        pulled_KE = penalties_E * weights_KE
        value = loss / total + 0.5 * float((pulled_KE * weights_KE).double().sum())
        slope_KE = slope_KE / total + pulled_KE
        slope_EK = torch.linalg.solve_triangular(factor_EE, slope_KE.T, upper=False)
        return value, slope_EK.T.double().numpy().ravel()

    start = (start_KE @ factor_EE).double().numpy().ravel()
    # SciPy compares a fall with 1 where the loss is below 1: as a share of the first value it is
    # a fall of the loss, however small that is.
    unit = max(objective(start)[0], 1e-12)

    def in_units(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        value, slope = objective(flat)
        return value / unit, slope / unit

    found = minimize(
        in_units,
        start,
        jac=True,
        method="L-BFGS-B",
        options={
            "maxcor": _MEMORY,
            "maxiter": _MOST_STEPS,
            "maxfun": 2 * _MOST_STEPS,
            "ftol": tolerance,
            "gtol": 0.0,
        },
    )
    weights_KE = _weights(found.x, factor_EE, num_classes)
    loss, _ = _loss_and_slope(parts, weights_KE)
    return Solution(weights_KE, loss / total, int(found.nfev))


def _factor(curvature_EE: Tensor, penalties_E: Tensor) -> Tensor:
    """Return L, lower triangular, of curvature + penalties."""
    matrix_EE = curvature_EE + penalties_E.diag()
    # Rounding of the Gram matrix must not make it indefinite where the penalty is tiny.
    matrix_EE.diagonal().add_(1e-7 * matrix_EE.trace())
    factor_EE: Tensor = torch.linalg.cholesky(matrix_EE)
    return factor_EE


def _weights(flat: npt.NDArray[np.float64], factor_EE: Tensor, num_classes: int) -> Tensor:
    moved_KE = torch.from_numpy(flat).float().view(num_classes, -1)
    weights_EK: Tensor = torch.linalg.solve_triangular(factor_EE.T, moved_KE.T, upper=True)
    return weights_EK.T.contiguous()  # products with other strides are five times slower


def _loss_and_slope(parts: Sequence[Rows], weights_KE: Tensor) -> tuple[float, Tensor]:
    """Return the sum of w * cross-entropy, and its gradient `[K, E]`."""
    loss, slope_KE = 0.0, torch.zeros(weights_KE.shape)
    for part in parts:
        logits_KN, losses_N = part.losses(weights_KE)
        loss += float((part.weights * losses_N).double().sum())
        errors_KN = logits_KN.softmax(0)
        errors_KN.scatter_add_(0, part.labels[None], torch.full_like(losses_N, -1.0)[None])
        slope_KE.addmm_(errors_KN * part.weights, part.inputs)
    return loss, slope_KE
