"""How a release ended: a title, a tone and sentences for the head of a page."""

from dataclasses import dataclass
from typing import Literal

from lradapt.production.release import Outcome

Tone = Literal["good", "warning", "bad", "open"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a release ended, for people.

    Attributes:
        title: a few words.
        tone: good, a warning, bad, or open before the gate has run.
        sentences: the reasons, the gate's first.
    """

    title: str
    tone: Tone
    sentences: tuple[str, ...]


def describe_ending(outcome: Outcome | None) -> Ending:
    """Return how a release ended; before the gate has run, where to look it up."""
    if outcome is None:
        sentence = "this page was made before the gate; `lradapt history` lists the promotions"
        return Ending("Not evaluated by the gate yet", "open", (sentence,))
    sentences = (outcome.verdict.reason, override_sentence(outcome), smoke_test_sentence(outcome))
    title, tone = _title(outcome)
    return Ending(f"{title}: version {outcome.version}", tone, tuple(filter(None, sentences)))


def _title(outcome: Outcome) -> tuple[str, Tone]:
    if outcome.fault:
        return "Promoted, but cannot be used", "bad"
    if outcome.verdict.decision == "invalid":
        return "Invalid", "bad"
    if outcome.promotion and outcome.promotion.kind == "override":
        return "Promoted by a person", "warning"
    if outcome.promotion or outcome.version == outcome.previous:
        return "In production", "good"
    return "Not promoted", "warning"


def override_sentence(outcome: Outcome) -> str:
    """Return that a person promoted the version although the gate would not; empty otherwise."""
    if outcome.promotion is None or outcome.promotion.kind != "override":
        return ""
    return f"promoted by a person all the same: {outcome.promotion.reason}"


def smoke_test_sentence(outcome: Outcome) -> str:
    """Return that the version failed the smoke test, and what followed; empty if it passed."""
    if not outcome.fault:
        return ""
    restored = outcome.restored
    then = f"{restored.version} was restored" if restored else "nothing was restored"
    return f"FAILED, {then}: {outcome.fault}"
