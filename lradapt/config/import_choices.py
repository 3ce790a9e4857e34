"""Values of params.yaml that `lradapt import` chooses; a value that a person has changed stays.

Section `chosen_by_import` of params.yaml has what an import chose last. A value that differs from
its entry there, or that has none, is a person's.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lradapt.config.params import Params
from lradapt.config.params_text import with_values
from lradapt.config.presets import Changes, changed
from lradapt.config.validation import validate
from lradapt.runtime.files import write_text

CHOSEN = "chosen_by_import"

State = Literal["same", "changed", "yours", "kept"]
"""`same`: params.yaml had the value already. `changed`: it has it now. `yours`: a person has set
another, which stays. `kept`: by `--keep-params`, the value before stays."""


@dataclass(frozen=True, slots=True)
class ParamChoice:
    """A value that suits the data or the machine.

    Attributes:
        key: in params.yaml, with dots, such as "data.input_size".
        value: as YAML has it: a list, not a tuple.
        reason: a clause for people.
    """

    key: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a choice; its fields are keys of the JSON of an import.

    Attributes:
        key: in params.yaml, with dots.
        before: the value that params.yaml had.
        value: the value that was chosen.
        state: whether params.yaml has it.
        reason: why it was chosen.
    """

    key: str
    before: Any
    value: Any
    state: State
    reason: str

    @property
    def present(self) -> Any:
        """The value that params.yaml has after the decision."""
        return self.value if self.state == "changed" else self.before

    def __str__(self) -> str:
        if self.state == "changed":
            return f"{self.key}: {_text(self.before)} -> {_text(self.value)}: {self.reason}"
        if self.state == "same":
            return f"{self.key}: {_text(self.before)}: {self.reason}"
        whose = "as params.yaml has it" if self.state == "yours" else "--keep-params"
        return (
            f"{self.key} stays {_text(self.before)} ({whose}); suggested is {_text(self.value)}: "
            f"{self.reason}"
        )


def may_change(values: Changes, key: str) -> bool:
    """Return whether the value is the one that an import chose last, or that came with lradapt."""
    chosen = values.get(CHOSEN) or {}
    return key in chosen and chosen[key] == value_of(values, key)


def decide(values: Changes, choices: Iterable[ParamChoice], *, keep: bool) -> list[Decision]:
    """Return what becomes of each choice.

    Args:
        values: of params.yaml.
        choices: what suits.
        keep: change nothing.
    """
    return [_decision(values, choice, keep=keep) for choice in choices]


def latest(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the last decision on each key, with the value that params.yaml had before the first.

    The order is that of the first ones.
    """
    by_key: dict[str, Decision] = {}
    for decision in decisions:
        before = by_key.get(decision.key, decision).before
        state = decision.state
        if state in ("changed", "same"):
            state = "same" if decision.present == before else "changed"
        by_key[decision.key] = replace(decision, before=before, state=state)
    return list(by_key.values())


def changes_of(decisions: Iterable[Decision]) -> dict[str, Any]:
    """Return the changes of params.yaml and its `chosen_by_import`, by section; empty: none."""
    changes: dict[str, Any] = {}
    for decision in decisions:
        if decision.state == "changed":
            section, _, name = decision.key.rpartition(".")
            (changes.setdefault(section, {}) if section else changes)[name] = decision.value
            changes.setdefault(CHOSEN, {})[decision.key] = decision.value
    return changes


def write_decisions(path: Path, values: Changes, decisions: Sequence[Decision]) -> None:
    """Write the changed values into params.yaml; all else, comments included, stays as written.

    Raises:
        ParamsError: together with the other values they are not valid; nothing is written.
    """
    if changes := changes_of(decisions):
        validate(Params, with_decisions(values, decisions), path)
        write_text(path, with_values(path.read_text(encoding="utf-8"), changes))


def with_decisions(values: Changes, decisions: Iterable[Decision]) -> dict[str, Any]:
    """Return the values of params.yaml after the decisions."""
    return changed(values, changes_of(decisions))


def value_of(values: Changes, key: str) -> Any:
    """Return the value of a key with dots.

    Raises:
        KeyError: there is none.
    """
    found: Any = values
    for part in key.split("."):
        found = found[part]
    return found


def _decision(values: Changes, choice: ParamChoice, *, keep: bool) -> Decision:
    before = value_of(values, choice.key)
    state: State = "changed"
    if before == choice.value:
        state = "same"
    elif not may_change(values, choice.key):
        state = "yours"
    elif keep:
        state = "kept"
    return Decision(choice.key, before, choice.value, state, choice.reason)


def _text(value: Any) -> str:
    """Return a value as YAML writes it."""
    return json.dumps(value) if isinstance(value, bool) or value in ("", None) else str(value)
