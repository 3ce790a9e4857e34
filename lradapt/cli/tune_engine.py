"""`lradapt tune-engine`: the fastest precision, memory format and threads on this machine."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from rich.table import Column, Table

from lradapt.cli.number_options import MAX_SECONDS, number_option
from lradapt.cli.options import AsJson
from lradapt.cli.output import console, print_json

if TYPE_CHECKING:
    from lradapt.config.params import Params
    from lradapt.training.engine_tuning.combinations import Combination, Measured, Tuning
    from lradapt.training.engine_tuning.step import Work

_ADVICE = (
    "Nothing was written. Each of the three settings changes the last bits of every trained model, "
    "so lradapt does not choose them at each start: equal inputs would give different models. "
    "After a change of params.yaml everything is trained again once."
)
_LEGEND = (
    "> recommended, = in params.yaml; images per second: median (lowest-highest of {rounds} "
    "rounds); CPU seconds per step; differences of the loss and the gradients of a step from "
    "those of the first row"
)


def tune_engine(
    seconds: Annotated[
        float,
        number_option(
            least=1, most=MAX_SECONDS, help="No new round of measurements begins after this time."
        ),
    ] = 60,
    as_json: AsJson = False,
) -> None:
    """Measure which precision, memory format and number of threads trains this project fastest.

    Runs a few training steps of each combination in turn, on random pixels. Prints images
    per second of each, recommends settings for params.yaml, and writes nothing.
    Measure under the load that the machine will have during a training.
    """
    from lradapt.compute.engine import set_engine
    from lradapt.config.params import load_params
    from lradapt.training.engine_tuning.combinations import combinations
    from lradapt.training.engine_tuning.tune import tune

    params = load_params()
    engine = set_engine(**params.engine.model_dump())
    tried = combinations(engine.device, params.engine.threads)
    work = work_of(params)
    found = tune(work, engine.device, tried, seconds=seconds)
    present = present_combination(params)
    if as_json:
        print_json(_as_json(found, present, str(engine.device)))
    else:
        _print(found, present, f"{_describe_work(work)} on {engine.device}")


def work_of(params: "Params") -> "Work":
    """Return a step of all layers with the network, size, batch and views of params.yaml."""
    from lradapt.networks.normalisation import Normalisation
    from lradapt.training.engine_tuning.step import Work
    from lradapt.training.inputs.augment import Augmentation
    from lradapt.training.inputs.examples import Preparation, RandomViews

    views = RandomViews(Augmentation(**params.augment.model_dump()), params.seed)
    return Work(
        params.model.network,
        params.data.input_size,
        params.finetune.batch_size,
        Preparation(Normalisation(params.data.mean, params.data.deviation), views),
        params.finetune.momentum,
        params.finetune.l2,
    )


def present_combination(params: "Params") -> "Combination":
    """Return the settings of the engine in params.yaml."""
    from lradapt.training.engine_tuning.combinations import Combination

    return Combination(**params.engine.model_dump(exclude={"device"}))


def _describe_work(work: "Work") -> str:
    return f"{work.architecture.name}, {work.input_size} px, batches of {work.batch_size}"


def _as_json(found: "Tuning", present: "Combination", device: str) -> dict[str, Any]:
    return {
        "device": device,
        "measured": [asdict(one) for one in found.measured],
        "left_out": [{**asdict(one), "reason": reason} for one, reason in found.left_out.items()],
        "present": asdict(present),
        "recommended": asdict(found.recommended),
    }


def _print(found: "Tuning", present: "Combination", work: str) -> None:
    screen = console()
    best = found.recommended
    table = Table(
        Column("", no_wrap=True, min_width=2),
        Column("precision,\nmemory format,\nthreads", no_wrap=True),
        Column("images/s", justify="right"),
        *(Column(name, justify="right", no_wrap=True) for name in ("CPU s", "loss", "gradients")),
        title=work,
        caption=_LEGEND.format(rounds=len(found.measured[0].times)),
    )
    for one in found.measured:
        marks = [mark for mark, own in ((">", best), ("=", present)) if own == one.combination]
        table.add_row("".join(marks), *_cells(one), style="bold" if ">" in marks else None)
    screen.print(table)
    for combination, reason in found.left_out.items():
        screen.print(f"{_describe(combination)}: excluded: {reason}")
    screen.print(
        f"\nFor params.yaml:\n\nengine:\n  precision: {best.precision}\n"
        f"  threads: {best.threads}\n  memory_format: {best.memory_format}\n\n{_ADVICE}"
    )


def _cells(one: "Measured") -> list[str]:
    rates = [timed.rate for timed in one.times]
    return [
        _describe(one.combination),
        f"{one.rate:,.0f} ({min(rates):,.0f}-{max(rates):,.0f})",
        f"{one.cpu_seconds:.3f}",
        f"{one.effect.loss:.0e}",
        f"{one.effect.gradients:.0e}",
    ]


def _describe(one: "Combination") -> str:
    return f"{one.precision}, {one.memory_format}, {one.threads}"
