"""The head alone, on the last features of the backbone: trained by SGD, as the paper trains it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from benchmarks.range_tests.arrays import Arrays, save
from benchmarks.rate_grid.cells import Cell, grid_of
from lradapt.networks.backbone import read_backbone
from lradapt.networks.classifier import build_body
from lradapt.stages.sweeps import sweep_recipe
from lradapt.training.head import HeadRecipe, new_head, train_head
from lradapt.training.inputs.examples import ActivationExamples
from lradapt.training.layers import layer_groups
from lradapt.training.range_test.curve import Sweep
from lradapt.training.range_test.measure import seeded_sweeps
from lradapt.training.scoring import predict_logits

VALIDATION_SHARE = 10
"""One in so many training images is left out, and decides when the training ends."""


@dataclass(frozen=True)
class HeadCell:
    """A set of images and a backbone whose head is trained.

    Attributes:
        whole: the cell of the whole network.
    """

    whole: Cell
    name: ClassVar[str] = "head"
    grid: ClassVar[tuple[float, ...]] = grid_of(1e-3, 10**0.5)

    @property
    def rule(self) -> str:
        """By which a rate is read off the sweeps."""
        return self.whole.params.find_lr.rule

    @property
    def given(self) -> list[float]:
        """The rate where the range test finds none."""
        return [self.whole.params.head_rate.rate]

    @cached_property
    def features(self) -> Arrays:
        """Compute the features of both splits, once."""
        path = self.whole.folder / "features.npz"
        if not path.exists():
            save(path, {split: self._computed(split) for split in ("train", "test")})
        return dict(np.load(path))

    def _computed(self, split: str) -> np.ndarray[Any, Any]:
        whole = self.whole
        architecture = replace(whole.params.model.network, taps=())
        body = build_body(architecture, read_backbone(whole.backbone, architecture))
        examples = whole.examples(split, None)
        return predict_logits(whole.engine.place(body), examples, whole.engine).numpy()

    def _examples(self, split: str, places: slice) -> ActivationExamples:
        labels = torch.from_numpy(self.whole.arrays[f"{split}_labels"][places])
        return ActivationExamples(torch.from_numpy(self.features[split][places])[:, None], labels)

    @property
    def _apart(self) -> int:
        return len(self.features["train"]) // VALIDATION_SHARE

    def start(self, seed: int = 0) -> nn.Module:
        """Return a new head."""
        labels = self.whole.arrays["train_labels"]
        return new_head(self.features["train"].shape[1], int(labels.max()) + 1, seed=seed)

    def sweeps(self, seed: int) -> list[Sweep]:
        """Measure the sweeps of one suggestion, as stage `find_lr` does."""
        params = self.whole.params
        recipe = sweep_recipe(params.find_lr, params.train_head)

        def optimizer(model: nn.Module) -> Optimizer:
            groups = layer_groups(model, {"": 1.0})
            return torch.optim.SGD(groups, momentum=recipe.momentum, weight_decay=recipe.l2)

        training = self._examples("train", slice(self._apart, None))
        first = seed * recipe.num_sweeps  # no two suggestions share a sweep
        return seeded_sweeps(self.start, training, optimizer, self.whole.engine, recipe, seed=first)

    def trained(self, max_lrs: list[float], seed: int) -> nn.Module:
        """Return a head trained at a rate.

        Raises:
            DivergedError: the rate is too high.
        """
        params, head = self.whole.params, self.start(seed)
        train_head(
            head,
            self._examples("train", slice(self._apart, None)),
            self._examples("train", slice(self._apart)),
            self.whole.engine,
            HeadRecipe(**params.train_head.model_dump(exclude={"method"})),
            max_lr=max_lrs[0],
            seed=seed,
        )
        return head

    def logits(self, model: nn.Module) -> np.ndarray[Any, Any]:
        """Return the logits of the test images, `[N, K]`."""
        examples = self._examples("test", slice(None))
        return predict_logits(model, examples, self.whole.engine).numpy()
