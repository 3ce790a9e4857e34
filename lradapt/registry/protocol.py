"""The record of the update protocol: the gate's rules, and every comparison on the test images.

    NAME/protocol/rules/SHA256.json             rules of the gate, when they were first frozen;
                                                with a key SHA256-KEY.json, first by this key
    NAME/protocol/comparisons/ID/asked.json     what is compared; before the first prediction
    NAME/protocol/comparisons/ID/verdict.json   the answer of the gate
    NAME/protocol/comparisons/ID/outcome-1.json what a person and the release made of it; further
                                                ones if it was decided again

Keys are only created. A comparison whose process died has no verdict, and still counts: somebody
may have seen its figures. Verdict and outcome hold the hash of the file before them. With a key of
its process, each file has a signature beside it, written before it: see `protocol_signatures`.
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
from lradapt.registry.protocol_signatures import (
    complete,
    create,
    is_record,
    missing_records,
    read_files,
    require_signed_record,
)
from lradapt.registry.store import ExistsError, NotTrustedError, RegistryError, Store
from lradapt.signing.keys import SigningKey
from lradapt.signing.trusted_keys import TrustedKeys

FORMAT = 1
_RULES, _COMPARISONS = "rules/", "comparisons/"
ASKED, VERDICT, OUTCOME = "asked", "verdict", "outcome"


@dataclass(frozen=True, slots=True)
class ComparisonFile:
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
        signed_by: whose trusted keys vouch for all its files; empty if one is not trusted, or
            signatures are not checked.
        verdict_sha256: of the file of the verdict; empty where it was never written.
    """

    id: str
    asked: Mapping[str, Any] | None
    verdict: Mapping[str, Any] | None
    outcomes: tuple[Mapping[str, Any], ...]
    faults: tuple[str, ...]
    signed_by: str = ""
    verdict_sha256: str = ""


@dataclass(frozen=True, slots=True)
class RulesRecord:
    """Rules of the gate as the registry has them.

    Attributes:
        facts: the rules, their sha256, and when and by whom they were first frozen.
        signed_by: whose trusted key vouches for it; empty if signatures are not checked.
        fault: why it is not trusted; empty if it is, or if signatures are not checked.
    """

    facts: Mapping[str, Any]
    signed_by: str = ""
    fault: str = ""


def freeze_rules(
    store: Store, name: str, sha256: str, rules: Mapping[str, Any], key: SigningKey | None = None
) -> str:
    """Write the gate's rules before they are used, unless they were written before.

    A key signs what it has written itself: its file has a name of its own. What a killed process
    with this key has not written, also of comparisons, is written first.

    Returns:
        The time of this call: UTC, ISO 8601.
    """
    if key:
        complete(store, name, key)
    now = utc_now()
    facts = {"format": FORMAT, "sha256": sha256, "at": now, "by": user_and_host(), "rules": rules}
    file = f"{_RULES}{sha256}{f'-{key.id}' if key else ''}.json"
    with suppress(ExistsError):
        create(store, name, file, json_bytes(facts), key)
    return now


def ask(
    store: Store, name: str, version: str, facts: Mapping[str, Any], key: SigningKey | None = None
) -> ComparisonFile:
    """Write what is going to be compared, before any answer of the models is known."""
    now = datetime.now(UTC)
    entry = f"{now:%Y%m%dT%H%M%S.%fZ}-{version}-{uuid.uuid4().hex[:8]}"
    at = now.isoformat(timespec="microseconds")
    content = json_bytes({"format": FORMAT, "at": at, "by": user_and_host(), **facts})
    create(store, name, _path(entry, ASKED), content, key)
    return ComparisonFile(entry, sha256_hex(content))


def answer(
    store: Store,
    name: str,
    asked: ComparisonFile,
    facts: Mapping[str, Any],
    key: SigningKey | None = None,
) -> ComparisonFile:
    """Write the verdict on what was asked."""
    before = {"format": FORMAT, "at": utc_now(), "asked_sha256": asked.sha256}
    content = json_bytes({**before, **facts})
    create(store, name, _path(asked.id, VERDICT), content, key)
    return ComparisonFile(asked.id, sha256_hex(content))


def close(
    store: Store,
    name: str,
    answered: ComparisonFile,
    facts: Mapping[str, Any],
    key: SigningKey | None = None,
) -> None:
    """Write what became of a verdict; earlier outcomes of it stay."""
    before = {"format": FORMAT, "at": utc_now(), "verdict_sha256": answered.sha256}
    content = json_bytes({**before, **facts})
    for number in itertools.count(1):
        try:
            create(store, name, _path(answered.id, f"{OUTCOME}-{number}"), content, key)
        except ExistsError:
            continue
        return


def _path(entry: str, step: str) -> str:
    return f"{_COMPARISONS}{entry}/{step}.json"


def read_rules(store: Store, name: str, trusted: TrustedKeys | None = None) -> list[RulesRecord]:
    """Return the rules that were frozen, in the order of their first use.

    Args:
        store: has the registry.
        name: of the model.
        trusted: keys of which one must have signed them; None: signatures are not checked.

    Raises:
        RegistryError: a file is damaged.
    """
    files = read_files(store, name, _RULES)
    found = [
        RulesRecord(_parsed(files[path], path), *_signer(name, path, files, trusted))
        for path in filter(is_record, files)
    ]
    return sorted(found, key=lambda each: (each.facts["at"], each.facts["sha256"]))


def read_comparisons(
    store: Store, name: str, trusted: TrustedKeys | None = None
) -> list[ComparisonRecord]:
    """Return every comparison, the first one first; what is wrong with one is among its faults.

    Args:
        store: has the registry.
        name: of the model.
        trusted: keys of which one must have signed each file; None: signatures are not checked.
    """
    entries: dict[str, dict[str, bytes]] = {}
    for path, content in read_files(store, name, _COMPARISONS).items():
        entries.setdefault(path.split("/")[1], {})[path] = content
    return [_record(name, entry, entries[entry], trusted) for entry in sorted(entries)]


def read_last_comparison(
    store: Store, name: str, version: str, trusted: TrustedKeys | None = None
) -> ComparisonRecord | None:
    """Return the last comparison of a version with a champion; None if there was none."""
    prefix = f"{name}/protocol/{_COMPARISONS}"
    entries = {key.removeprefix(prefix).partition("/")[0] for key in store.list(prefix)}
    own = [each for each in entries if each.rpartition("-")[0].partition("-")[2] == version]
    if not own:
        return None
    files = read_files(store, name, f"{_COMPARISONS}{max(own)}/")
    return _record(name, max(own), files, trusted)


def _record(
    name: str, entry: str, files: Mapping[str, bytes], trusted: TrustedKeys | None
) -> ComparisonRecord:
    steps = {
        path.rpartition("/")[2].removesuffix(".json"): files[path]
        for path in sorted(filter(is_record, files))
    }
    parts: dict[str, dict[str, Any]] = {}
    faults: list[str] = []
    for step, content in steps.items():
        try:
            parts[step] = _parsed(content, f"{entry}/{step}.json")
        except RegistryError as error:
            faults.append(str(error))
    for step, part in parts.items():
        faults += _unlinked(part, step, steps)
    faults += missing_records(files)
    signers = [_signer(name, _path(entry, step), files, trusted) for step in steps]
    unsigned = [fault for _, fault in signers if fault]
    return ComparisonRecord(
        entry,
        parts.get(ASKED),
        parts.get(VERDICT),
        tuple(part for step, part in parts.items() if step.startswith(OUTCOME)),
        (*faults, *unsigned),
        "" if unsigned else ", ".join(sorted({signer for signer, _ in signers if signer})),
        sha256_hex(steps[VERDICT]) if VERDICT in steps else "",
    )


def _signer(
    name: str, path: str, files: Mapping[str, bytes], trusted: TrustedKeys | None
) -> tuple[str, str]:
    """Return whose trusted key has signed a file, and why it is not trusted; "" otherwise."""
    if trusted is None:
        return "", ""
    try:
        return require_signed_record(name, path, files, trusted).name, ""
    except NotTrustedError as error:
        return "", str(error)


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
