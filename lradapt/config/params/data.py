"""Sections about the data: decoding, checks, split, augmentation, and when to retrain."""

from typing import Annotated, Literal

from pydantic import Field

from lradapt.config.params.section import Fraction, Positive, Section, Unit
from lradapt.data.checks.findings import Rules
from lradapt.data.checks.problem_kinds import KINDS, Kind, Policy
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.fit import Fit

Channels = Annotated[tuple[float, float, float], Unit("value from 0 to 1")]
Deviations = Annotated[tuple[Positive, Positive, Positive], Unit("value from 0 to 1")]


class DataParams(Section):
    """Decoding, and the normalisation of the pre-trained backbone."""

    input_size: Annotated[int, Unit("pixels")] = Field(ge=8, le=1024)
    """Side in pixels of the square to which every image is resized."""
    fit: Fit
    """How an image that is not square becomes one. `crop`: its centre square. `pad`: all of it,
    with black beside it. `squash`: all of it, stretched. `lradapt import` chooses it by the shapes.
    """
    max_megapixels: Annotated[float, Unit("megapixels")] = Field(gt=0, le=89)
    """A larger image is set aside before it is decoded (a decompression bomb)."""
    mean: Channels
    """Mean of each channel (red, green, blue), on the scale 0 to 1."""
    deviation: Deviations
    """Standard deviation of each channel, on the scale 0 to 1."""
    memory_share: Annotated[float, Unit("share")] = Field(ge=0, le=0.9)
    """Share of the training device's free memory that the pixels may use. If they do not fit, each
    batch is read from the disk while the previous one is computed; 0: always. It changes no result,
    and no stage depends on it."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How a file becomes pixels; the range of 16-bit images is found by stage `ingest`."""
        return Preprocessing(self.input_size, self.max_megapixels, self.fit)


class SplitParams(Section):
    """The split into train, validation and test."""

    train_per_test: Annotated[float, Unit("images for each test image")] = Field(ge=1, le=100)
    """Training images for each test image (the paper's 5:1, section 2.1)."""
    validation_share: Annotated[float, Unit("share")] = Field(ge=0, lt=1)
    """Share of the training images for the validation split: early stopping, temperature."""


MustLeave = Literal["stop", "set_aside"]
"""Policy for images that cannot be used: `stop` the run, or `set_aside` the images with the reason.

Other kinds also have the policy `keep`: use the images, with a warning."""


class PoliciesParams(Section):
    """The policy for each kind of finding (lradapt.data.checks.problem_kinds)."""

    undecodable: MustLeave
    """Not an image, a format that is not read, or a damaged file."""
    truncated: MustLeave
    """The file ends before the image does."""
    lfs_pointer: MustLeave
    """The pointer of Git LFS in the place of the image."""
    bomb: MustLeave
    """More pixels than data.max_megapixels."""
    hidden: MustLeave
    """Files and folders whose name begins with a dot."""
    wrong_extension: Policy
    """For example a PNG file named .jpg; it is decoded by its content."""
    tiny: Policy
    """A side shorter than `check.min_side`."""
    odd_mode: Policy
    """CMYK, 16 bit, palette or transparency; greyscale in a set that also has colour images."""
    rotated: Policy
    """By EXIF; the image is decoded with that rotation."""
    narrow_range: Policy
    """Values in a small part of their range: a few grey levels, or a few of 16 bits."""
    several_pages: Policy
    """A stack or an animation, of which the first page is used."""
    blank: Policy
    """One value throughout. Only blank images of one value under several labels are set aside."""
    transparent: Policy
    """Nearly or wholly transparent. The same options as for blank images."""
    blank_tail: Policy
    """Zeros where the end of the file belongs: the image is incomplete."""
    aspect: Policy
    """Under `data.fit: crop`, an aspect ratio of 1.5 or more: a third or more is not seen."""
    dark: Policy
    """99 % of the grey values are in the lowest third."""
    bright: Policy
    """95 % of the grey values are in the highest twentieth."""
    blurred: Policy
    """Less than a quarter of the sharpness of the median image, as the network sees it."""
    label_without_image: MustLeave
    """A line of labels.csv whose file does not exist."""
    image_without_label: MustLeave
    """A file that no line of labels.csv names."""
    annotators_tie: MustLeave
    """Several labels that equally many annotators give an image (column annotator)."""
    two_labels: Policy
    """Identical pixels with two labels; the policy applies to all of these images."""
    two_groups: Policy
    """Identical pixels in two groups, which stay in one split; the policy applies to the images."""
    duplicate: Policy
    """Identical pixels; the first image is always used. If all are kept, they are in one split."""
    near_duplicate: Policy
    """Similar pixels; the first image is always used. If all are kept, they may be in two splits.
    """
    split_leak: MustLeave
    """A group or its duplicates in two given splits (column split): test keeps its images, then
    validation."""
    similar_names: Policy
    """A class whose name differs from that of a larger one in case, space, accents or zeros (`Cat`,
    `07`), or by one letter where it has one image; the policy applies to the smaller class."""
    similar_groups: Policy
    """A group whose name differs from that of a larger one in case, space or the zeros of a whole
    number (`1.0`, `01`); the policy applies to the smaller group."""
    few_groups: Policy
    """A class of one group: if kept, it is trained on and has no test images."""
    spurious_cue: Literal["stop", "keep"]
    """A class that brightness, size, format and the like alone tell from the others."""


class CheckParams(Section):
    """The checks of the data before they are used."""

    min_side: Annotated[int, Unit("pixels")] = Field(ge=1, le=1024)
    """Pixels; an image with a shorter side is `tiny`."""
    near_correlation: Annotated[float, Unit("correlation")] = Field(ge=0.8, le=1)
    """Least correlation of the grey values of near duplicates."""
    cue_auc: Annotated[float, Unit("area under the curve")] = Field(gt=0.5, le=1)
    """Least area under the ROC curve at which a property of the files is a `spurious_cue`."""
    policies: PoliciesParams

    @property
    def rules(self) -> Rules:
        """The rules for lradapt.data.checks.run_checks."""
        policies: dict[Kind, Policy] = {kind: getattr(self.policies, kind) for kind in KINDS}
        return Rules(self.min_side, self.near_correlation, policies, self.cue_auc)


class AugmentParams(Section):
    """Random views of a training image; each image has its own draw (paper, section 2.1)."""

    max_shift: Fraction
    """Largest shift along each axis, as a share of the side; the border is mirrored."""
    max_zoom: Annotated[float, Unit("factor")] = Field(ge=1, le=4)
    """Largest magnification."""
    horizontal_flip: bool
    """Whether half of the views are mirrored left to right; true where the label stays right."""
    vertical_flip: bool
    """Whether half of the views are mirrored top to bottom."""


class WatchParams(Section):
    """Thresholds of changes of the data; any one of the three is enough for a retraining."""

    min_changes: Annotated[int, Unit("images")] = Field(ge=1)
    """Images added, removed, relabelled or otherwise changed since the version last trained on."""
    min_class_share: Annotated[float, Unit("share")] = Field(gt=0, le=1)
    """Share of the images of any one class that changed."""
    test_relabels: bool
    """Whether one changed label in the test set is enough: the last evaluation used a wrong label.
    """
