"""`label_journal.jsonl`: who has decided what about which label, a line for each decision.

The file is only appended to, and written to the disk (fsync) before the decision counts. It lies
beside `labels.csv`; commit it with the project, so that a label's history is kept.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from lradapt.review.label_lines import RemovedLine
from lradapt.runtime.system.disk import flush
from lradapt.runtime.system.opening import open_any

JOURNAL = "label_journal.jsonl"

Action = Literal["keep", "change", "label", "exclude", "skip", "undo"]
_CONFIRMING = ("keep", "change", "label")
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal.

    Attributes:
        id: of the entry, hexadecimal.
        time: UTC, ISO 8601.
        who: the person.
        image: path below the images folder.
        action: what was decided.
        old: the label before; empty where `labels.csv` had no line, an empty label, or votes
            that are a tie. The key is `from`.
        new: the label after; empty where its line was removed, too. The key is `to`.
        reason: in words; may be empty.
        undoes: the id of the entry that an undo takes back.
        lines: those that an exclusion has removed, or its undo restores.
        queue: "chosen" or "random" for a recorded image, which has got its first label; else empty.
        group: of a recorded image, where its record has one; else empty.
    """

    id: str
    time: str
    who: str
    image: str
    action: Action
    old: str
    new: str
    reason: str = ""
    undoes: str = ""
    lines: tuple[RemovedLine, ...] = ()
    queue: str = ""
    group: str = ""


def as_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as the object of its line."""
    required = {
        "time": entry.time,
        "who": entry.who,
        "image": entry.image,
        "action": entry.action,
        "from": entry.old,
        "to": entry.new,
        "reason": entry.reason,
        "id": entry.id,
    }
    undoes = {"undoes": entry.undoes} if entry.undoes else {}
    lines = {"lines": [[line.number, line.text] for line in entry.lines]} if entry.lines else {}
    queue = {"queue": entry.queue} if entry.queue else {}
    group = {"group": entry.group} if entry.group else {}
    return required | undoes | lines | queue | group


def from_json(value: Any) -> Entry:
    """Return the entry of an object.

    Raises:
        ValueError: it is not one.
    """
    try:
        texts = {name: value[name] for name in ("id", "time", "who", "image", "action", "reason")}
        texts |= {"old": value["from"], "new": value["to"], "undoes": value.get("undoes", "")}
        texts |= {name: value.get(name, "") for name in ("queue", "group")}
        if texts["action"] not in ACTIONS or not all(isinstance(t, str) for t in texts.values()):
            raise ValueError(f"not an entry: {value}")
        lines = tuple(RemovedLine(int(number), text) for number, text in value.get("lines", ()))
        return Entry(**texts, lines=lines)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an entry: {value}") from error


class Journal:
    """A journal, read as far as it is written; other processes may append to it too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[str] = []
        self._by_id: dict[str, Entry] = {}
        self._of_image: defaultdict[str, list[Entry]] = defaultdict(list)
        self._of_person: defaultdict[str, list[Entry]] = defaultdict(list)
        self._latest: dict[str, Entry] = {}
        self._read_bytes = 0
        self._read_lines = 0

    def refresh(self) -> list[Entry]:
        """Read the lines that were appended since, and return their entries.

        A last line without an end stays unread: it is still being written, or was cut (`mend`).
        """
        if not self.path.exists() or self.path.stat().st_size == self._read_bytes:
            return []
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            content = file.read()
        complete = content[: content.rfind(b"\n") + 1]
        self._read_bytes += len(complete)
        entries = list(self._parsed(complete.splitlines()))
        for entry in entries:
            self._count(entry)
        return entries

    def mend(self) -> None:
        """End a last line that was cut, so that it is read and reported; nothing is removed."""
        if self.path.exists() and not _ends_with_newline(self.path):
            _append(self.path, b"")
        self.refresh()

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append entries in one write, write them to the disk, and return what `refresh` does."""
        if not entries:
            return []
        lines = "".join(json.dumps(as_json(e), ensure_ascii=False) + "\n" for e in entries)
        new = not self.path.exists()
        _append(self.path, lines.encode("utf-8", "surrogatepass"))
        if new:
            flush(self.path.parent)
        return self.refresh()

    def __contains__(self, entry: Entry) -> bool:
        return entry.id in self._by_id

    def settled(self, image: str) -> Entry | None:
        """Return the last decision about an image that is in force; skipping decides nothing."""
        entries = self._of_image.get(image)
        return entries[-1] if entries else None

    def confirmed(self) -> dict[str, str]:
        """Return image -> label that the last decision in force has kept or chosen."""
        last = (entries[-1] for entries in self._of_image.values() if entries)
        return {entry.image: entry.new for entry in last if entry.action in _CONFIRMING}

    def latest(self, image: str) -> Entry | None:
        """Return the last entry about an image that is no skip, an undo too."""
        return self._latest.get(image)

    def last_of(self, who: str) -> Entry | None:
        """Return the last decision of a person that is in force."""
        entries = self._of_person.get(who)
        return entries[-1] if entries else None

    def _parsed(self, lines: Iterable[bytes]) -> Iterable[Entry]:
        for line in lines:
            self._read_lines += 1
            if not line.strip():
                continue
            try:
                yield from_json(json.loads(line))
            except ValueError:  # of from_json, of JSON and of UTF-8
                self.faults.append(
                    f"{self.path}, line {self._read_lines}: not a complete entry (a process was "
                    "killed, or the line was edited); it is left as it is and not used"
                )

    def _count(self, entry: Entry) -> None:
        if entry in self:  # twice in the file, such as after a merge
            return
        self._by_id[entry.id] = entry
        if entry.action != "skip":
            self._latest[entry.image] = entry
        if entry.action != "undo":
            self._of_person[entry.who].append(entry)
            if entry.action != "skip":
                self._of_image[entry.image].append(entry)
            return
        undone = self._by_id.get(entry.undoes)
        if undone is not None:
            for entries in (self._of_image[undone.image], self._of_person[undone.who]):
                entries[:] = [other for other in entries if other.id != undone.id]


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return True
        file.seek(size - 1)
        return file.read() == b"\n"


def _append(path: Path, content: bytes) -> None:
    """Append to a file, behind a newline where its last line was cut; write it to the disk."""
    descriptor = open_any(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        left = memoryview(content if _ends_with_newline(path) else b"\n" + content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
