"""The epochs of a training, reported as they end."""

from lradapt.runtime.progress_file import ProgressFile
from lradapt.runtime.timings import clocks
from lradapt.training.loop import OnEpoch, highest_rates, log_epoch
from lradapt.training.records import Epoch


def epoch_reporter(num_epochs: int | None) -> OnEpoch:
    """Return a callback that logs each epoch, and writes it to the progress file if there is one.

    Its seconds count from this call.

    Args:
        num_epochs: the largest possible number; None: unknown.
    """
    file, start = ProgressFile(), clocks()

    def report(epoch: Epoch) -> None:
        log_epoch(epoch)
        score, spent = epoch.validation, clocks().since(start)
        file.write(
            epoch=epoch.number + 1,
            num_epochs=num_epochs,
            loss=epoch.loss,
            accuracy=score and score.accuracy,
            balanced_accuracy=score and score.balanced_accuracy,
            validation_loss=score and score.loss,
            rates=highest_rates(epoch.steps),
            seconds=spent.seconds,
            cpu_seconds=spent.cpu_seconds,
        )

    return report
