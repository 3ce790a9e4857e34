"""The record of the update protocol: the gate's rules, and every comparison on the test images.

    NAME/protocol/rules/SHA256.json             rules of the gate, when they were first frozen
    NAME/protocol/comparisons/ID/asked.json     what is compared; before the first prediction
    NAME/protocol/comparisons/ID/verdict.json   the answer of the gate
    NAME/protocol/comparisons/ID/outcome-1.json what a person and the release made of it; further
                                                ones if it was decided again

Keys are only created. A comparison whose process died has no verdict, and still counts: somebody
may have seen its figures. Verdict and outcome hold the hash of the file before them.
"""

import itertools
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lradapt.registry.manifest import json_bytes, sha256_hex
from lradapt.registry.promotions import user_and_host, utc_now
from lradapt.registry.store import ExistsError, RegistryError, Store, for_each

FORMAT = 1
ASKED, VERDICT, OUTCOME = "asked", "verdict", "outcome"


@dataclass(frozen=True, slots=True)
class Entry:
    """The last file of a comparison that was written: its id, and the sha256 of the file."""

    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ComparisonRecord:
    """A comparison as the registry has it.

    Attributes:
        id: of the comparison; ids sort by time.
        asked: what was compared, and by which rules.
        verdict: None where it was never written.
        outcomes: what became of it; none if the run died before, several if it was decided again.
        faults: what does not fit, in sentences; empty for a sound record.
    """

    id: str
    asked: Mapping[str, Any] | None
    verdict: Mapping[str, Any] | None
    outcomes: tuple[Mapping[str, Any], ...]
    faults: tuple[str, ...]


def freeze_rules(store: Store, name: str, sha256: str, rules: Mapping[str, Any]) -> str:
    """Write the gate's rules before they are used, unless they were written before.

    Returns:
        The time of this call: UTC, ISO 8601.
    """
    now = utc_now()
    facts = {"format": FORMAT, "sha256": sha256, "at": now, "by": user_and_host(), "rules": rules}
    with suppress(ExistsError):
        store.create(f"{name}/protocol/rules/{sha256}.json", json_bytes(facts))
    return now


def ask(store: Store, name: str, version: str, facts: Mapping[str, Any]) -> Entry:
    """Write what is going to be compared, before any answer of the models is known."""
    now = datetime.now(UTC)
    entry = f"{now:%Y%m%dT%H%M%S.%fZ}-{version}-{uuid.uuid4().hex[:8]}"
    at = now.isoformat(timespec="microseconds")
    content = json_bytes({"format": FORMAT, "at": at, "by": user_and_host(), **facts})
    store.create(_key(name, entry, ASKED), content)
    return Entry(entry, sha256_hex(content))


def answer(store: Store, name: str, asked: Entry, facts: Mapping[str, Any]) -> Entry:
    """Write the verdict on what was asked."""
    before = {"format": FORMAT, "at": utc_now(), "asked_sha256": asked.sha256}
    content = json_bytes({**before, **facts})
    store.create(_key(name, asked.id, VERDICT), content)
    return Entry(asked.id, sha256_hex(content))


def close(store: Store, name: str, answered: Entry, facts: Mapping[str, Any]) -> None:
    """Write what became of a verdict; earlier outcomes of it stay."""
    before = {"format": FORMAT, "at": utc_now(), "verdict_sha256": answered.sha256}
    content = json_bytes({**before, **facts})
    for number in itertools.count(1):
        try:
            store.create(_key(name, answered.id, f"{OUTCOME}-{number}"), content)
        except ExistsError:
            continue
        return


def _key(name: str, entry: str, step: str) -> str:
    return f"{name}/protocol/comparisons/{entry}/{step}.json"


def read_rules(store: Store, name: str) -> list[dict[str, Any]]:
    """Return the rules that were frozen, in the order of their first use.

    Raises:
        RegistryError: a file is damaged.
    """
    keys = store.list(f"{name}/protocol/rules/")
    found = for_each(lambda key: _parsed(store.read(key).content, key), keys)
    return sorted(found, key=lambda each: (each["at"], each["sha256"]))


def read_comparisons(store: Store, name: str) -> list[ComparisonRecord]:
    """Return every comparison, the first one first; what is damaged in one is among its faults."""
    prefix = f"{name}/protocol/comparisons/"
    keys = store.list(prefix)
    files: dict[str, dict[str, bytes]] = {}
    for key, content in zip(keys, for_each(lambda key: store.read(key).content, keys), strict=True):
        entry, _, file = key.removeprefix(prefix).partition("/")
        files.setdefault(entry, {})[file.removesuffix(".json")] = content
    return [_record(entry, files[entry]) for entry in sorted(files)]


def _record(entry: str, files: Mapping[str, bytes]) -> ComparisonRecord:
    parts: dict[str, dict[str, Any]] = {}
    faults: list[str] = []
    for step in sorted(files):
        try:
            parts[step] = _parsed(files[step], f"{entry}/{step}.json")
        except RegistryError as error:
            faults.append(str(error))
    for step, part in parts.items():
        faults += _unlinked(part, step, files)
    outcomes = tuple(part for step, part in parts.items() if step.startswith(OUTCOME))
    return ComparisonRecord(entry, parts.get(ASKED), parts.get(VERDICT), outcomes, tuple(faults))


def _unlinked(part: Mapping[str, Any], step: str, files: Mapping[str, bytes]) -> list[str]:
    """Return the fault of a file that does not hold the hash of the file before it."""
    if step == ASKED:
        return []
    before = ASKED if step == VERDICT else VERDICT
    found, now = part.get(f"{before}_sha256"), sha256_hex(files.get(before, b""))
    if found == now:
        return []
    return [f"{before}.json is not the file before {step}.json: sha256 {now}, expected {found}"]


def _parsed(content: bytes, key: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except ValueError as error:
        raise RegistryError(f"{key} is damaged: {error}") from error
    if not isinstance(parsed, dict) or parsed.get("format") != FORMAT:
        raise RegistryError(f"{key} is damaged: expected a record of format {FORMAT}")
    return parsed
