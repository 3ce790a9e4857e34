"""Seconds of each phase of a run, and their cost at the price of the machine."""

from collections.abc import Collection
from dataclasses import dataclass

from lradapt.runtime.timings import Timings


@dataclass(frozen=True, slots=True)
class Price:
    """The price of the machine that trains.

    Attributes:
        per_hour: of wall time, in units of the currency, at least 0.
        currency: printed after an amount.
    """

    per_hour: float
    currency: str

    def of(self, seconds: float) -> str:
        """Return the cost of some seconds: `1.25 EUR`, `0.034 EUR`, `under 0.001 EUR`."""
        amount = self.per_hour * seconds / 3600
        if 0 < amount < 0.001:
            return f"under 0.001 {self.currency}"
        return f"{amount:.2f} {self.currency}" if amount >= 0.1 else f"{amount:.3f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Phase:
    """The last run of one stage on this machine.

    Attributes:
        name: of the stage.
        seconds: wall time.
        cpu_seconds: of all threads of its process.
        ran: in the run that is reported; otherwise its outputs were up to date and cost nothing.
    """

    name: str
    seconds: float
    cpu_seconds: float
    ran: bool


def phases(timings: Timings, previous: Timings) -> list[Phase]:
    """Return the phases of a run, in the order in which they last ended.

    A phase with the same figures as in `previous`, to the hundredth, did not run.
    """
    return [
        Phase(name, each["seconds"], each["cpu_seconds"], previous.get(name) != each)
        for name, each in timings.items()
    ]


def total_seconds(phases: Collection[Phase]) -> float:
    """Return the wall time of the phases that ran."""
    return sum(phase.seconds for phase in phases if phase.ran)


def as_markdown(phases: Collection[Phase], price: Price | None) -> str:
    """Return a table with a row for each phase and for the total; without a price no costs."""
    cpu_seconds = sum(phase.cpu_seconds for phase in phases if phase.ran)
    rows = [
        ["phase", "seconds", "CPU seconds", "cost"],
        ["---", "--:", "--:", "--:"],
        *(_cells(phase, price) for phase in phases),
        _cells(Phase("**total**", total_seconds(phases), cpu_seconds, True), price),
    ]
    width = 4 if price else 3
    return "\n".join(f"| {' | '.join(row[:width])} |" for row in rows)


def _cells(phase: Phase, price: Price | None) -> list[str]:
    if not phase.ran:
        return [phase.name, "up to date", "", ""]
    cost = price.of(phase.seconds) if price else ""
    return [phase.name, f"{phase.seconds:.1f}", f"{phase.cpu_seconds:.1f}", cost]
