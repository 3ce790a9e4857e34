import dataclasses
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from lradapt.errors import TrainingError
from lradapt.training import model_choice
from lradapt.training.model_choice import average_weights, choose_final, estimate_batchnorm
from lradapt.training.records import Cycle, Epoch, snapshot
from lradapt.training.scoring import Score, score


@dataclass
class Trained:
    model: nn.Module
    cycles: list[Cycle]
    before: dict[str, torch.Tensor]


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))


@pytest.fixture
def fit(network, blobs, engine):
    """A function: cycles that end with the given amounts of noise on good weights."""
    training = blobs(300)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network.train()
    for _ in range(60):
        loss = nn.functional.cross_entropy(network(training.activations[:, 0]), training.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    good = snapshot(network)
    before = {name: torch.zeros_like(value) for name, value in good.items()}  # knows nothing

    def make(*noises):
        cycles = []
        for number, noise in enumerate(noises):
            numbers = torch.Generator().manual_seed(number)
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.add_(noise * torch.randn(parameter.shape, generator=numbers))
            end = Epoch(number, (), score(network, blobs(90, seed=1), engine))
            cycles.append(Cycle((end,), snapshot(network)))
            network.load_state_dict(good)
        network.load_state_dict(cycles[-1].weights)
        return Trained(network, cycles, before)

    return make


def choose(trained, blobs, engine, validation=None, **settings):
    validation = blobs(90, seed=1) if validation is None else validation
    return choose_final(
        trained.model,
        trained.cycles,
        blobs(300),
        validation,
        engine,
        batch_size=64,
        before=trained.before,
        **settings,
    )


def test_the_last_is_taken_where_it_is_best(fit, blobs, engine):
    trained = fit(2.0, 2.0, 0.0)
    choice = choose(trained, blobs, engine)
    assert choice.name == "last"
    assert torch.equal(trained.model[0].weight, trained.cycles[2].weights["0.weight"])
    best, last = max(_tuned(trained)[:2]), _tuned(trained)[2]
    found = {name: found.balanced_accuracy for name, found in choice.scores.items()}
    assert (found["best_snapshot"], found["last"]) == (best, last)


def test_the_best_snapshot_is_taken_where_the_last_went_astray(fit, blobs, engine):
    trained = fit(3.0, 0.0, 3.0)
    choice = choose(trained, blobs, engine)
    assert choice.name == "best_snapshot"
    assert choice.scores["best_snapshot"] == trained.cycles[1].epochs[-1].validation
    assert torch.equal(trained.model[0].weight, trained.cycles[1].weights["0.weight"])


def test_the_average_is_taken_where_the_snapshots_err_apart(fit, blobs, engine):
    trained = fit(*[0.9] * 12)
    choice = choose(trained, blobs, engine)
    assert choice.name == "average"
    assert score(trained.model, blobs(90, seed=1), engine) == choice.scores["average"]
    mean = torch.stack([cycle.weights["0.weight"] for cycle in trained.cycles]).mean(0)
    assert torch.equal(trained.model[0].weight, mean)


def test_of_equals_the_lower_loss_wins_and_then_the_last(fit, blobs, engine):
    model, validation = nn.Linear(8, 3), blobs(90, seed=1)  # without BatchNorm, all are the same
    end = score(model, validation, engine)
    better = dataclasses.replace(end, tempered_loss=end.tempered_loss / 2)
    for first, name in ((end, "last"), (better, "best_snapshot")):
        cycles = [Cycle((Epoch(0, (), found),), snapshot(model)) for found in (first, end)]
        choice = choose(Trained(model, cycles, snapshot(model)), blobs, engine)
        same = dict.fromkeys(("last", "head_alone", "average"), end)
        assert choice.scores == {**same, "best_snapshot": first}
        assert choice.name == name


@pytest.mark.parametrize(
    ("by", "loss_of_head", "name"),
    [
        ("loss", 1.024, "head_alone"),
        ("loss", 1.026, "last"),
        ("balanced_accuracy", 1.026, "head_alone"),
    ],
)
def test_where_losses_are_equal_within_chance_the_balanced_accuracy_decides(
    fit, blobs, engine, monkeypatch, by, loss_of_head, name
):
    last = Score(1, 0.8, 0.7, 1.0, 0.1)
    head = Score(1, 0.8, 0.75, loss_of_head, 0.5)  # the error of the lower loss counts
    model = nn.Linear(8, 3)
    monkeypatch.setattr(model_choice, "score", lambda *_, **__: last)
    trained = Trained(model, [Cycle((Epoch(0, (), last),), snapshot(model))], snapshot(model))
    assert choose(trained, blobs, engine, score_before=head, by=by).name == name


def test_an_average_that_is_less_sure_of_itself_but_less_accurate_is_not_taken(
    fit, blobs, engine, monkeypatch
):
    worse, last = Score(2, 0.5, 0.5, 2.0, 0.1), Score(1, 0.88, 0.88, 0.3889, 0.012)
    average = Score(1, 0.86, 0.86, 0.3885, 0.012)
    model = nn.Linear(8, 3)
    cycles = [Cycle((Epoch(0, (), worse),), snapshot(model)) for _ in range(2)]
    found = iter((last, average))
    monkeypatch.setattr(model_choice, "score", lambda *_, **__: next(found))
    trained = Trained(model, cycles, snapshot(model))
    assert choose(trained, blobs, engine, score_before=worse, by="loss").name == "last"


def test_a_single_cycle_leaves_nothing_to_choose(fit, blobs, engine):
    assert list(choose(fit(0.0), blobs, engine).scores) == ["last", "head_alone"]


def test_the_head_alone_is_taken_where_every_cycle_made_it_worse(fit, blobs, engine):
    good = fit(0.0).cycles[0].weights
    trained = fit(9.0, 9.0)
    trained.before = good
    choice = choose(trained, blobs, engine)
    assert choice.name == "head_alone"
    assert torch.equal(trained.model[0].weight, good["0.weight"])
    assert score(trained.model, blobs(90, seed=1), engine) == choice.scores["head_alone"]


def test_without_a_validation_side_the_last_weights_stay(fit, blobs, engine):
    trained = fit(0.0, 3.0)
    choice = choose(trained, blobs, engine, validation=blobs(0))
    assert (choice.name, choice.scores) == ("last", {})
    assert torch.equal(trained.model[0].weight, trained.cycles[1].weights["0.weight"])


def test_the_average_is_of_the_numbers_and_the_last_of_the_counters():
    one = {"w": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)}
    two = {"w": torch.tensor([3.0, 6.0]), "n": torch.tensor(5)}
    found = average_weights([one, two])
    assert found["w"].tolist() == [2.0, 4.0]
    assert found["n"] == 5


def test_batchnorm_s_statistics_become_those_of_the_training_images(network, blobs, engine):
    training = blobs(300)
    weights = {name: p.clone() for name, p in network.named_parameters()}
    network[1].running_mean.fill_(99)
    network.eval()
    estimate_batchnorm(network, training, engine, batch_size=300)
    hidden = network[0](training.activations[:, 0])
    torch.testing.assert_close(network[1].running_mean, hidden.mean(0))
    torch.testing.assert_close(network[1].running_var, hidden.var(0))
    assert not network.training
    assert network[1].momentum == 0.1
    assert all(torch.equal(weights[name], p) for name, p in network.named_parameters())


def test_frozen_layers_keep_their_statistics_and_normalise_by_them(network, blobs, engine):
    deep = nn.Sequential(*network[:2], nn.Linear(8, 8), nn.BatchNorm1d(8))
    network[1].running_mean.fill_(5.0)
    for parameter in deep[:2].parameters():
        parameter.requires_grad_(False)
    kept, training = snapshot(network[1]), blobs(300)
    estimate_batchnorm(deep.train(), training, engine, batch_size=300)
    assert all(torch.equal(kept[name], value) for name, value in snapshot(deep[1]).items())
    hidden = deep[2](deep[1].eval()(deep[0](training.activations[:, 0])))
    torch.testing.assert_close(deep[3].running_mean, hidden.mean(0))


def test_layers_without_parameters_have_their_statistics_estimated(blobs, engine):
    norm = nn.BatchNorm1d(8, affine=False)
    training = blobs(300)
    estimate_batchnorm(norm, training, engine, batch_size=300)
    torch.testing.assert_close(norm.running_mean, training.activations[:, 0].mean(0))


@pytest.mark.parametrize(("count", "batch_size"), [(65, 64), (33, 32), (3, 2), (64, 64)])
def test_statistics_are_estimated_whatever_the_last_batch_has(
    network, blobs, engine, count, batch_size
):
    training = blobs(count)
    estimate_batchnorm(network, training, engine, batch_size=batch_size)
    assert network[1].running_mean.isfinite().all()
    assert network[1].num_batches_tracked == -(-count // batch_size) - (count == 3)


@pytest.mark.parametrize(
    ("count", "processes", "size"), [(130, 1, 64), (129, 1, 63), (131, 2, 63), (132, 2, 64)]
)
def test_each_process_has_two_images_of_the_last_batch(count, processes, size):
    assert model_choice._without_lone_images(count, 64, processes) == size


def test_scores_rank_by_balanced_accuracy_before_accuracy(fit, blobs, engine):
    """A common class of 80 images and a rare one of 10: accuracy would prefer the first cycle."""
    trained = fit(0.0, 0.0)
    common = Score(loss=0.5, accuracy=0.95, balanced_accuracy=0.6, tempered_loss=0.5)
    fair = Score(loss=0.5, accuracy=0.90, balanced_accuracy=0.9, tempered_loss=0.5)
    ends = [Cycle((Epoch(0, (), found),), trained.cycles[0].weights) for found in (common, fair)]
    trained.cycles[:] = [*ends, trained.cycles[1]]
    assert choose(trained, blobs, engine).scores["best_snapshot"] == fair


def test_the_criterion_decides_between_the_candidates(fit, blobs, engine):
    trained = fit(0.5, 0.5)
    lucky = Score(loss=99.0, accuracy=1.0, balanced_accuracy=1.1, tempered_loss=99.0)
    trained.cycles[0] = Cycle((Epoch(0, (), lucky),), trained.cycles[0].weights)
    assert choose(trained, blobs, engine).name == "best_snapshot"
    assert choose(trained, blobs, engine, by="loss").name != "best_snapshot"


def test_frozen_statistics_are_not_estimated_again(fit, blobs, engine, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "lradapt.training.model_choice.estimate_batchnorm", lambda *_, **__: calls.append(1)
    )
    choose(fit(0.1, 0.1), blobs, engine, batchnorm_frozen=True)
    assert calls == []
    choose(fit(0.1, 0.1), blobs, engine)
    assert calls == [1]


def test_by_the_loss_after_the_temperature_the_other_figures_do_not_decide():
    lucky, sure = Score(0.6, 0.8, 0.9, 0.7), Score(0.7, 0.8, 0.8, 0.6)
    assert max(lucky, sure, key=lambda each: each.rank("loss")) == sure
    assert max(lucky, sure, key=lambda each: each.rank("balanced_accuracy")) == lucky


def _tuned(trained):
    return [cycle.epochs[-1].validation.balanced_accuracy for cycle in trained.cycles]


def test_a_candidate_whose_score_is_not_finite_is_an_error_that_names_it(fit, blobs, engine):
    trained = fit(0.1, 0.1)
    for cycle in trained.cycles:
        cycle.weights["0.weight"].fill_(3e38)  # two of them are more than a float holds
    with pytest.raises(TrainingError, match="is nan with the average of the snapshots, and"):
        choose(trained, blobs, engine)
