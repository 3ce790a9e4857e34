"""What the phases of a run have taken, and what that costs at the price of the machine."""

from collections.abc import Collection
from dataclasses import dataclass

from lradapt.runtime.timings import Timings


@dataclass(frozen=True, slots=True)
class Price:
    """Of the machine that trains.

    Attributes:
        per_hour: of wall time, in units of the currency, at least 0.
        currency: as it is written behind an amount.
    """

    per_hour: float
    currency: str

    def of(self, seconds: float) -> str:
        """The cost of so many seconds, for people: `1.25 EUR`, `0.034 EUR`, `under 0.001 EUR`."""
        amount = self.per_hour * seconds / 3600
        if 0 < amount < 0.001:
            return f"under 0.001 {self.currency}"
        return f"{amount:.2f} {self.currency}" if amount >= 0.1 else f"{amount:.3f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Phase:
    """One stage's last run on this machine.

    Attributes:
        name: of the stage.
        seconds: wall time.
        cpu_seconds: of all threads of its process.
        ran: in the run that is told of; else its outputs were up to date and cost nothing.
    """

    name: str
    seconds: float
    cpu_seconds: float
    ran: bool


def phases(timings: Timings, former: Timings) -> list[Phase]:
    """The phases of a run, in the order in which they last ended.

    Args:
        timings: after the run.
        former: before it; a phase whose figures are the same to the hundredth did not run.
    """
    return [
        Phase(name, each["seconds"], each["cpu_seconds"], former.get(name) != each)
        for name, each in timings.items()
    ]


def total_seconds(done: Collection[Phase]) -> float:
    """Of those that ran."""
    return sum(phase.seconds for phase in done if phase.ran)


def as_markdown(done: Collection[Phase], price: Price | None) -> str:
    """A table with a line for each phase and their sum; without a price no costs."""
    head = ["phase", "seconds", "CPU seconds", *(["cost"] if price else [])]
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    lines += [_line(phase, price) for phase in done]
    total = total_seconds(done)
    cpu = sum(phase.cpu_seconds for phase in done if phase.ran)
    costs = [price.of(total)] if price else []
    lines.append(["**together**", f"{total:.1f}", f"{cpu:.1f}", *costs])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _line(phase: Phase, price: Price | None) -> list[str]:
    if not phase.ran:
        return [phase.name, "up to date", "", *([""] if price else [])]
    costs = [price.of(phase.seconds)] if price else []
    return [phase.name, f"{phase.seconds:.1f}", f"{phase.cpu_seconds:.1f}", *costs]
