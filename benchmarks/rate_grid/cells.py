"""A cell of the grid: a set of images and a backbone with a solved head, as an import sets it."""

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import Optimizer

from benchmarks.range_tests.arrays import Arrays
from lradapt.compute.engine import Engine, start_engine
from lradapt.config.import_recipe import pretrained_recipe
from lradapt.config.import_rules import Machine, choose_batch
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.presets import changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.networks.backbone import import_backbone, read_backbone
from lradapt.networks.classifier import build_body, build_classifier
from lradapt.networks.known import backbone_facts
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime.files import whole_file
from lradapt.stages.sweeps import sweep_recipe
from lradapt.training.exact_head import solve_head
from lradapt.training.finetune import FinetuneRecipe, finetune
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.examples import PixelExamples, Preparation, RandomViews
from lradapt.training.layers import layer_groups
from lradapt.training.modes import freeze, train_mode
from lradapt.training.optimizers import make_optimizer
from lradapt.training.range_test.curve import Sweep
from lradapt.training.range_test.measure import seeded_sweeps
from lradapt.training.scoring import predict_logits

NOT_OF_THE_RECIPE = {"start", "processes", "lower_rates"}


def params_of(
    architecture: str,
    *,
    epochs: int,
    num_images: int,
    input_size: int,
    rule: str,
    num_sweeps: int,
) -> Params:
    """Return the parameters that an import of photographs chooses, for one cycle of training."""
    facts = backbone_facts(architecture)
    machine = Machine(gpu=False, free_bytes=2**33)
    batch = choose_batch(num_images, input_size, machine, pretrained=True)
    values = changed(read_yaml(DEFAULT_PATH), _nested(pretrained_recipe(batch.value)))
    values = changed(
        values,
        {
            "data": {"mean": list(facts.mean), "deviation": list(facts.deviation)},
            "model": {"architecture": architecture},
            "engine": {"device": "cpu", "precision": "fp32", "threads": 1},
            "find_lr": {"rule": rule},
            "find_body_lr": {"rule": rule, "num_sweeps": num_sweeps},
            "augment": {"horizontal_flip": True},
            "finetune": {
                "num_cycles": 1,
                "first_cycle_epochs": epochs,
                "stop": "never",
                "lower_rates": 0,
                "batch_size": batch.value,
            },
        },
    )
    return validate(Params, values, DEFAULT_PATH)


def _nested(flat: Any) -> dict[str, Any]:
    sections: dict[str, Any] = {}
    for key, value in flat.items():
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = value
    return sections


def grid_of(lowest: float, highest: float) -> tuple[float, ...]:
    """Return eight rates in equal ratios, with two digits."""
    return tuple(float(f"{rate:.2g}") for rate in np.geomspace(lowest, highest, 8))


@dataclass(frozen=True)
class Cell:
    """A set of images and a backbone.

    Attributes:
        arrays: of `benchmarks.rate_grid.images`.
        params: see `params_of`.
        weights: a file of the backbone's weights, or "imagenet".
        folder: for its backbone and its head.
        flip: whether random views are flipped.
    """

    arrays: Arrays
    params: Params
    weights: str
    folder: Path
    flip: bool
    name: ClassVar[str] = "late layers"
    grid: ClassVar[tuple[float, ...]] = grid_of(1e-5, 1e-2)
    """Peak rates of the late layers, 2.7 times apart; the head has a fifth, as in an import."""

    @property
    def rule(self) -> str:
        """By which a rate is read off the sweeps."""
        return self.params.find_body_lr.rule

    @property
    def given(self) -> list[float]:
        """The rates by depth where the range test finds none; 0 where layers are frozen."""
        return list(self.params.body_rates.rates)

    @property
    def backbone(self) -> Path:
        """Import the backbone, once; return its file."""
        path = self.folder / "backbone.safetensors"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            import_backbone(self.weights, self.params.model.network, path)
        return path

    @cached_property
    def engine(self) -> Engine:
        """Start the engine."""
        return start_engine(**self.params.engine.model_dump())

    @cached_property
    def network(self) -> nn.Module:
        """Return the network with its solved head, which is made once."""
        architecture, head = self.params.model.network, self.folder / "head.safetensors"
        body = read_backbone(self.backbone, architecture)
        if not head.exists():
            features = predict_logits(
                self.engine.place(build_body(architecture, body)),
                self.examples("train", None),
                self.engine,
            )
            found = solve_head(
                features,
                torch.from_numpy(self.arrays["train_labels"]),
                groups=self.arrays["train_groups"].tolist(),
            )
            with whole_file(head) as partial:
                save_file(found.linear().state_dict(), partial)
        return self.engine.place(build_classifier(architecture, body, load_file(head)))

    def examples(self, split: str, seed: int | None) -> PixelExamples:
        """Return images of `train` or `test`; with a seed in random views."""
        data = self.params.data
        shape = self.params.augment.model_copy(update={"horizontal_flip": self.flip})
        views = None if seed is None else RandomViews(Augmentation(**shape.model_dump()), seed)
        prepare = Preparation(Normalisation(data.mean, data.deviation), views, self.engine.layout)
        pixels, labels = (self.arrays[name] for name in (split, f"{split}_labels"))
        return PixelExamples(torch.from_numpy(pixels), torch.from_numpy(labels), prepare)

    def start(self) -> nn.Module:
        """Return the network with its solved head, before the training of its layers."""
        return self.network

    def sweeps(self, seed: int) -> list[Sweep]:
        """Measure the sweeps of one suggestion, as stage `find_body_lr` does."""
        params, network = self.params, copy.deepcopy(self.network)
        recipe = sweep_recipe(params.find_body_lr, params.finetune)
        train_mode(network, batchnorm_frozen=params.finetune.batchnorm == "frozen")
        freeze(network, params.body_rates.rates, params.model.network.groups)

        def optimizer(model: nn.Module) -> Optimizer:
            groups = layer_groups(
                model, params.body_rates.rates, layers=params.model.network.groups
            )
            return make_optimizer(
                params.finetune.optimizer,
                groups,
                momentum=recipe.momentum,
                weight_decay=recipe.l2,
            )

        training = self.examples("train", seed)
        first = seed * recipe.num_sweeps  # no two suggestions share a sweep
        return seeded_sweeps(
            lambda _: network, training, optimizer, self.engine, recipe, seed=first
        )

    def trained(self, max_lrs: list[float], seed: int) -> nn.Module:
        """Return the network after one cycle at peak rates by depth.

        Raises:
            DivergedError: the rates are too high.
        """
        model, test = copy.deepcopy(self.network), self.examples("test", None)
        nothing = replace(test, pixels=test.pixels[:0], labels=test.labels[:0])
        cycles = finetune(
            model,
            self.examples("train", seed),
            nothing,
            self.engine,
            FinetuneRecipe(**self.params.finetune.model_dump(exclude=NOT_OF_THE_RECIPE)),
            layers=self.params.model.network.groups,
            max_lrs=max_lrs,
            seed=seed,
        )
        for _ in cycles:
            pass
        return model

    def logits(self, model: nn.Module) -> np.ndarray[Any, Any]:
        """Return the logits of the test images, `[N, K]`."""
        return predict_logits(model, self.examples("test", None), self.engine).numpy()
