"""What became of a model in the gate, in a few words and in sentences."""

from dataclasses import dataclass
from typing import Literal

from lradapt.production.release import Outcome

Tone = Literal["good", "warning", "bad", "open"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How it ended, for the head of a page.

    Attributes:
        title: a few words.
        tone: of the ending.
        why: sentences, the gate's first.
    """

    title: str
    tone: Tone
    why: tuple[str, ...]


def judgement(outcome: Outcome | None) -> Judgement:
    """What became of the model; where that is not known yet, how to learn it."""
    if outcome is None:
        why = "this page was made before the gate; `lradapt history` says what is in production"
        return Judgement("Not judged yet", "open", (why,))
    said = (outcome.verdict.why, override(outcome), live_check(outcome))
    title, tone = _ending(outcome)
    return Judgement(f"{title}: version {outcome.version}", tone, tuple(filter(None, said)))


def _ending(outcome: Outcome) -> tuple[str, Tone]:
    if outcome.fault:
        return "Promoted, but cannot be used", "bad"
    if outcome.verdict.decision == "invalid":
        return "Invalid", "bad"
    if outcome.move and outcome.verdict.decision == "keep":
        return "Promoted by a person", "warning"
    if outcome.move or outcome.version == outcome.former:
        return "In production", "good"
    return "Not promoted", "warning"


def override(outcome: Outcome) -> str:
    """That a person promoted it although the gate would not; empty otherwise."""
    if outcome.move is None or outcome.verdict.decision == "promote":
        return ""
    return f"promoted all the same; the log says {outcome.move.why}"


def live_check(outcome: Outcome) -> str:
    """That the version could not be used from production; empty where it could."""
    if not outcome.fault:
        return ""
    back = outcome.restored
    then = f"{back.version} is in production again" if back else "nothing was put back"
    return f"FAILED, {then}: {outcome.fault}"
