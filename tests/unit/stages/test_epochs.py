import json

from lradapt.runtime.progress_file import VARIABLE
from lradapt.stages.epochs import epoch_reporter
from lradapt.training.records import Epoch, Step
from lradapt.training.scoring import Score

STEPS = (Step(0, (0.001, 0.01), 1.0), Step(1, (0.002, 0.005), 2.0))


def test_an_epoch_is_logged_and_written_to_the_progress_file(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", logger="lradapt")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "lines"))
    report = epoch_reporter(7)
    report(Epoch(2, STEPS, Score(0.5, 0.875, 0.8, 0.5)))
    report(Epoch(3, STEPS, None))
    assert caplog.messages[0] == "epoch 3: loss 1.500, validation accuracy 87.5%"
    first, second = map(json.loads, (tmp_path / "lines").read_text().splitlines())
    assert 0 <= first.pop("seconds") <= second["seconds"] < 5
    assert 0 <= first.pop("cpu_seconds") < 5
    assert first == {
        "epoch": 3,
        "num_epochs": 7,
        "loss": 1.5,
        "rates": [0.002, 0.01],
        "accuracy": 0.875,
        "balanced_accuracy": 0.8,
        "validation_loss": 0.5,
    }
    assert (second["epoch"], second["accuracy"]) == (4, None)
