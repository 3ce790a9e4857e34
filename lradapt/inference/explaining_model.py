"""An exported model that also gives what its last layer reads, and a map of a class."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lradapt.data.images.decode import Pixels
from lradapt.inference.activation_maps import Floats, activation_map
from lradapt.inference.metadata import ModelError
from lradapt.inference.occlusion import occlusion_map
from lradapt.inference.session import open_session


@dataclass(frozen=True, slots=True)
class ClassMap:
    """How much each place of an image adds to the logit of a class.

    Attributes:
        kind: "activation": exact, the mean of the values is the logit minus the bias. "occlusion":
            how much the logit falls where that place is covered.
        values: `[H, W]`.
        logit: of the class, before the temperature.
        bias: of the class.
    """

    kind: Literal["activation", "occlusion"]
    values: Floats
    logit: float
    bias: float


@dataclass(frozen=True, slots=True)
class Inside:
    """What a model computes of one image before the probabilities.

    Attributes:
        features: that the last layer reads, `[D]`.
        class_map: of one class.
    """

    features: Floats
    class_map: ClassMap


class ExplainingModel:
    """An exported model whose inner values are outputs.

    Attributes:
        has_maps: whether its features are means of maps, so that class maps are exact.
        num_features: D.
    """

    def __init__(self, content: bytes, *, threads: int | None = None) -> None:
        """Load an ONNX file's bytes, of any format that `Model` reads.

        Args:
            content: of the file; verify its hash first (`Registry.read_file`).
            threads: CPU threads of ONNX Runtime; None: as many as it chooses.

        Raises:
            ModelError: not a model that ONNX Runtime can load.
            NoLinearHeadError: its last layer is not linear.
        """
        import onnx
        from onnx import numpy_helper

        from lradapt.networks.onnx_graph import find_head, pooled_maps

        model = onnx.load_model_from_string(content)
        head = find_head(model.graph)
        maps = pooled_maps(model.graph, head.features)
        tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._weight_KD: Floats = numpy_helper.to_array(tensors[head.weight])
        self._bias_K: Floats = (
            numpy_helper.to_array(tensors[head.bias])
            if head.bias
            else np.zeros(len(self._weight_KD), np.float32)
        )
        self._features, self._maps = head.features, list(dict.fromkeys(maps))
        self._order = [self._maps.index(name) for name in maps]
        self._logits = head.logits
        present = {output.name for output in model.graph.output}
        for name in (head.features, head.logits, *self._maps):
            if name not in present:
                output = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
                model.graph.output.append(output)
        self._session = open_session(model.SerializeToString(), threads=threads)
        self.has_maps = bool(maps)
        self.num_features = self._weight_KD.shape[1]

    def features(self, pixels_NSS3: Pixels) -> Floats:
        """Return what the last layer reads of preprocessed pixels `[N, S, S, 3]`, `[N, D]`."""
        found: Floats = self._run([self._features], pixels_NSS3)[0]
        return found

    def look_inside(self, square_SS3: Pixels, class_number: int) -> Inside:
        """Return the features of a preprocessed image, and the map of a class.

        The map is by occlusion where the features are not means of maps.

        Raises:
            ModelError: the means of the maps are not what the last layer reads.
        """
        wanted = [self._features, self._logits, *self._maps]
        features_1D, logits_1K, *maps_1CHW = self._run(wanted, square_SS3[None])
        logit, bias = float(logits_1K[0, class_number]), float(self._bias_K[class_number])
        if not self.has_maps:
            falls_GG = occlusion_map(lambda some: self._logits_of(some, class_number), square_SS3)
            return Inside(features_1D[0], ClassMap("occlusion", falls_GG, logit, bias))
        maps_CHW = [maps_1CHW[number][0] for number in self._order]
        _require_means(maps_CHW, features_1D[0])
        values_HW = activation_map(maps_CHW, self._weight_KD[class_number])
        return Inside(features_1D[0], ClassMap("activation", values_HW, logit, bias))

    def _logits_of(self, pixels_NSS3: Pixels, class_number: int) -> Floats:
        logits_N: Floats = self._run([self._logits], pixels_NSS3)[0][:, class_number]
        return logits_N

    def _run(self, wanted: list[str], pixels_NSS3: Pixels) -> list[npt.NDArray[np.float32]]:
        found: list[npt.NDArray[np.float32]] = self._session.run(
            wanted, {self._session.get_inputs()[0].name: pixels_NSS3}
        )
        return found


def _require_means(maps_CHW: list[Floats], features_D: Floats) -> None:
    """Check that the features are the means of the maps, which the graph alone cannot tell."""
    fits = all(each.ndim == 3 for each in maps_CHW)
    if fits:
        means_D = np.concatenate([each.mean(axis=(1, 2)) for each in maps_CHW])
        fits = means_D.shape == features_D.shape and bool(
            np.allclose(means_D, features_D, rtol=1e-3, atol=1e-4 * np.abs(features_D).max())
        )
    if not fits:
        raise ModelError(
            "the features of the model are not the means of its maps: it was changed since its "
            "export, or pools in a way that lradapt does not know, so it has no exact class map"
        )
