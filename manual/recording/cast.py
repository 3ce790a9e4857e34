"""What a program writes to a terminal, with its times: asciinema's file format, version 2."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lradapt.errors import LradaptError


class CastError(LradaptError):
    """A file is no recording of the expected format."""


@dataclass(frozen=True)
class Cast:
    """A recording: the size of the terminal in characters, and (seconds, text) in order."""

    width: int
    height: int
    outputs: tuple[tuple[float, str], ...]


def record(command: Sequence[str], *, width: int, height: int, cwd: Path) -> Cast:
    """Run a command on a terminal of its own, and return all that it writes.

    Raises:
        CalledProcessError: the command failed.
    """
    reader, writer = pty.openpty()
    try:
        fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        child = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=writer, stdout=writer, stderr=writer
        )
        os.close(writer)
        outputs = tuple(_outputs(reader))
    finally:
        os.close(reader)
    if child.wait():
        raise subprocess.CalledProcessError(child.returncode, command)
    return Cast(width, height, outputs)


def _outputs(reader: int) -> Iterator[tuple[float, str]]:
    begin, rest = time.monotonic(), b""
    while content := _read(reader):
        rest += content
        text = rest.decode("utf-8", errors="ignore")
        rest = rest[len(text.encode()) :]  # the begin of a character whose end comes next
        yield round(time.monotonic() - begin, 3), text


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65_536)
    except OSError:  # Linux: the last program has closed the terminal
        return b""


def as_text(cast: Cast) -> str:
    """Return the recording as the text of a file."""
    header = {"version": 2, "width": cast.width, "height": cast.height}
    lines: list[Any] = [header, *([seconds, "o", text] for seconds, text in cast.outputs)]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def from_text(text: str) -> Cast:
    """Return the recording in a text; what was typed is left out.

    Raises:
        CastError: it is no recording of version 2.
    """
    try:
        header, *events = [json.loads(line) for line in text.splitlines()]
        if header["version"] != 2:
            raise CastError(f"a recording of version {header['version']!r}, expected 2")
        outputs = tuple((float(at), str(data)) for at, kind, data in events if kind == "o")
        return Cast(int(header["width"]), int(header["height"]), outputs)
    except (KeyError, TypeError, ValueError) as error:
        raise CastError(
            f"no recording of asciinema's version 2 ({error}); make one: "
            "python -m manual.recording record FILE COMMAND"
        ) from error
