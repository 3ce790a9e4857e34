"""The process in which a challenger runs in shadow mode: it takes only time that nobody needs.

A process of its own shares no memory, no interpreter lock and no crash with the answers. It reads
frames from stdin, first the model, then images, and writes an answer in JSON for each to stdout.
"""

import json
import struct
import sys
from contextlib import suppress
from typing import IO, Any

import numpy as np

from lradapt.data.images.decode import preprocess
from lradapt.data.images.open_image import quiet
from lradapt.errors import LradaptError
from lradapt.inference.predict import Model
from lradapt.runtime.system.processes import yield_to_others

_LENGTH = struct.Struct(">Q")


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """Write a length and as many bytes."""
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes:
    """Return the bytes of the next frame.

    Raises:
        EOFError: there is no further one, or it is cut off.
    """
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    return _read(stream, length)


def _read(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError("the other process has ended")
    return content


def main() -> None:
    """Answer frames until there are no more."""
    frames, answers = sys.stdin.buffer, sys.stdout.buffer
    with suppress(EOFError, BrokenPipeError):
        try:
            model = Model(read_frame(frames), threads=1)
        except LradaptError as error:
            write_frame(answers, _encoded({"fault": str(error)}))
            return
        yield_to_others()
        write_frame(answers, _encoded({"classes": model.class_names}))
        while True:
            write_frame(answers, _encoded(_answer(model, read_frame(frames))))


def _answer(model: Model, content: bytes) -> dict[str, Any]:
    try:
        with quiet():
            square_SS3 = preprocess(content, model.preprocessing)
        (probabilities_K,) = model.probabilities(np.stack([square_SS3]))
    except (LradaptError, MemoryError) as error:
        return {"fault": str(error) or repr(error)}
    return {"class": model.class_names[int(probabilities_K.argmax())]}


def _encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


if __name__ == "__main__":
    main()
