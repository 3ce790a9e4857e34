"""Use of an exported model, with ONNX Runtime and Pillow alone: no torch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lradapt.data.images.decode import Pixels, preprocess
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.files import fault_of_reading, list_files
from lradapt.data.images.open_image import quiet
from lradapt.errors import LradaptError, UnreadableError
from lradapt.inference.answers import Answers, Floats, Probabilities, joined
from lradapt.inference.doubt import NOT_MEASURED, Doubt, doubts
from lradapt.inference.metadata import ModelError, read_metadata
from lradapt.inference.session import open_session
from lradapt.networks.onnx_graph import FEATURES
from lradapt.networks.onnx_unlike import UNLIKE
from lradapt.runtime.progress import tracked
from lradapt.text import printable


class Model:
    """An exported model, ready to classify.

    Attributes:
        class_names: in the order of the probabilities.
        preprocessing: of its input images.
        architecture: the network's name.
        limits: by which an answer says that it is doubtful.
    """

    def __init__(self, content: bytes, *, threads: int | None = None) -> None:
        """Load an ONNX file's bytes.

        Args:
            content: of the file; verify its hash first (`Registry.read_file`).
            threads: CPU threads of ONNX Runtime; None: as many as it chooses.

        Raises:
            ModelError: not an ONNX model, not made by `lradapt export`, of a newer format, with
                metadata that contradict it, or with tensors in other files.
        """
        self._session = open_session(content, threads=threads)
        metadata = read_metadata(self._session)
        self.class_names = metadata.class_names
        self.preprocessing = metadata.preprocessing
        self.architecture = metadata.architecture
        self.limits = metadata.limits
        self._outputs = [each.name for each in self._session.get_outputs()]

    @property
    def num_features(self) -> int:
        """The width D of what the last layer reads; 0 where the model does not give it."""
        widths = [each.shape[1] for each in self._session.get_outputs() if each.name == FEATURES]
        return int(widths[0]) if widths else 0

    def features(self, pixels_NSS3: Pixels) -> Floats:
        """Return what the last layer reads of preprocessed pixels `[N, S, S, 3]`, `[N, D]`.

        Raises:
            ModelError: the model does not give it.
        """
        features_ND = self.answers(pixels_NSS3).features
        if features_ND is None:
            raise ModelError(
                "the model gives no features, so its answers cannot be compared with training "
                "images: it was exported by an earlier lradapt, or its last layer is not linear. "
                "Train and promote it again"
            )
        return features_ND

    def answers(
        self, pixels_NSS3: Pixels, *, batch_size: int = 64, with_features: bool = True
    ) -> Answers:
        """Return what the model gives for preprocessed pixels `[N, S, S, 3]` uint8.

        Args:
            pixels_NSS3: the pixels.
            batch_size: images that are classified at a time.
            with_features: whether features are wanted, which are large.
        """
        wanted = [name for name in self._outputs if with_features or name != FEATURES]
        return joined([*self._run(pixels_NSS3, wanted, batch_size)])

    def probabilities(self, pixels_NSS3: Pixels, *, batch_size: int = 64) -> Probabilities:
        """Return the probabilities `[N, K]` of preprocessed pixels `[N, S, S, 3]` uint8."""
        parts = self._run(pixels_NSS3, self._outputs[:1], batch_size)
        return joined([*parts]).probabilities

    def doubts(self, answers: Answers) -> "list[Doubt]":
        """Return how doubtful each answer is."""
        return doubts(answers, self.class_names, self.limits)

    def _run(
        self, pixels_NSS3: Pixels, outputs: Sequence[str], batch_size: int
    ) -> Iterator[Answers]:
        name = self._session.get_inputs()[0].name
        starts = range(0, len(pixels_NSS3), batch_size)
        parts = (pixels_NSS3[start : start + batch_size] for start in starts)
        with tracked(parts, "classify", total=len(pixels_NSS3), unit="images", size=len) as shown:
            for part in shown:
                found = dict(zip(outputs, self._session.run(outputs, {name: part}), strict=True))
                yield Answers(found.pop(outputs[0]), found.get(FEATURES), found.get(UNLIKE))

    def classify(self, paths: Sequence[Path], *, batch_size: int = 64) -> "Iterator[Prediction]":
        """Classify image files, in order; one that cannot be decoded gives its fault.

        Raises:
            UnreadableError: the disk or the memory did not give a file, whatever it contains.
        """
        starts = range(0, len(paths), batch_size)
        parts = (paths[start : start + batch_size] for start in starts)
        with tracked(parts, "classify", total=len(paths), unit="images", size=len) as shown:
            for part in shown:
                yield from self._classify_batch(part)

    def _classify_batch(self, paths: Sequence[Path]) -> "Iterator[Prediction]":
        with quiet():
            decoded = [self._decode(path) for path in paths]
        good = [pixels for pixels in decoded if not isinstance(pixels, str)]
        rows = iter(self._rows(good) if good else [])
        for path, pixels in zip(paths, decoded, strict=True):
            if isinstance(pixels, str):
                yield Prediction(path, "", {}, pixels)
            else:
                yield _prediction(path, *next(rows))

    def _rows(self, good: Sequence[Pixels]) -> Iterator[tuple[dict[str, float], Doubt]]:
        answers = self.answers(np.stack(good))
        for row_K, doubt in zip(answers.probabilities, self.doubts(answers), strict=True):
            yield dict(zip(self.class_names, map(float, row_K), strict=True)), doubt

    def _decode(self, path: Path) -> Pixels | str:
        try:
            return preprocess(_content(path), self.preprocessing)
        except DecodeError as error:
            return str(error)
        except (UnreadableError, MemoryError) as error:
            reason = str(error) or "the memory did not suffice"
            raise UnreadableError(f"{printable(str(path))}: {reason}") from error


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction of a model for one file.

    Attributes:
        path: of the image.
        label: the most probable class; empty where the image could not be decoded.
        probabilities: class -> probability, most probable first; empty likewise.
        fault: why there is no label; empty where there is one.
        doubt: whether the image is unlike the training images, and which classes it may be of.
    """

    path: Path
    label: str
    probabilities: dict[str, float]
    fault: str
    doubt: Doubt = NOT_MEASURED


def find_images(paths: Iterable[Path]) -> list[Path]:
    """List the files themselves, and every file below a folder that is not hidden.

    Raises:
        LradaptError: a path does not exist, or a folder has no file that is not hidden.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            names = [name for name in list_files(path) if "/." not in f"/{name}"]
            if not names:
                raise LradaptError(
                    f"{printable(str(path))} has only hidden files; name a file to classify it"
                )
            found += [path / name for name in names]
        elif path.exists():
            found.append(path)
        else:
            raise LradaptError(f"no file or folder {printable(str(path))}")
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise fault_of_reading(error) from error


def _prediction(path: Path, probabilities: dict[str, float], doubt: Doubt) -> Prediction:
    ordered = dict(sorted(probabilities.items(), key=lambda item: -item[1]))
    return Prediction(path, next(iter(ordered)), ordered, "", doubt)
