"""A queue of recorded images, for tests of the review."""

import hashlib
import io
from dataclasses import astuple, fields

from PIL import Image

from lradapt.review.recorded_queue import Queued
from lradapt.runtime.files import write_bytes, write_csv


def png(shade):
    """A small red picture."""
    content = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(content, "PNG")
    return content.getvalue()


def write_queue(project, kinds=("random", "unsure"), proposed="nevus, common", group=""):
    """Write a queue with an image of each kind, shades 0, 1, ...; return its lines."""
    folder = project / "data/queue"
    lines = []
    for number, kind in enumerate(kinds):
        file = f"{hashlib.sha256(png(number)).hexdigest()}.png"
        write_bytes(folder / file, png(number))
        answer = (proposed, 0.6, "malignant", 0.3, "0.5", "v1", "2026")
        lines.append(Queued(file, kind, *answer, group))
    names = [field.name for field in fields(Queued)]
    write_csv(folder / "queue.csv", names, map(astuple, lines))
    return lines
