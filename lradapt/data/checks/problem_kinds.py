"""What can be wrong with a set of labelled images: every kind of problem, and its remedy.

`image_checks` finds the problems of single files, `look_checks` those of their pixels,
`cue_checks` those by which a class is known without a look, `label_checks` those of images and
labels together. params.yaml has a policy for each kind (`check.policies`). To add a kind, add its
name to `Kind`, its words to `MEANINGS`, its policy to `PoliciesParams` and params.yaml, and a check
to one of these modules; add a label check to the list in `run_checks` too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "undecodable",
    "truncated",
    "lfs_pointer",
    "bomb",
    "hidden",
    "wrong_extension",
    "tiny",
    "odd_mode",
    "rotated",
    "narrow_range",
    "several_pages",
    "blank",
    "transparent",
    "blank_tail",
    "aspect",
    "dark",
    "bright",
    "blurred",
    "label_without_image",
    "image_without_label",
    "annotators_tie",
    "two_labels",
    "two_groups",
    "duplicate",
    "near_duplicate",
    "split_leak",
    "similar_names",
    "similar_groups",
    "few_groups",
    "spurious_cue",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Policy = Literal["stop", "set_aside", "keep"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A kind of problem in words.

    Attributes:
        title: what it is; messages write it after a number.
        remedy: what the user can do.
        kept: what happens under the policy "keep"; empty where a kind cannot be kept.
    """

    title: str
    remedy: str
    kept: str = ""


MEANINGS: Mapping[Kind, Meaning] = {
    "undecodable": Meaning("not an image, or damaged", "replace the file or remove it"),
    "truncated": Meaning("cut off: a truncated file", "copy or download the file again"),
    "lfs_pointer": Meaning(
        "a Git LFS pointer, not an image", "run `git lfs pull` where the files come from"
    ),
    "bomb": Meaning(
        "larger than data.max_megapixels", "scale the image down, or raise data.max_megapixels"
    ),
    "hidden": Meaning(
        "a hidden file, or in a hidden folder",
        "remove it (.ipynb_checkpoints, .DS_Store), or rename it",
    ),
    "wrong_extension": Meaning(
        "the extension of another format", "rename the file", "decoded by its content"
    ),
    "tiny": Meaning("smaller than check.min_side", "replace the image", "enlarged"),
    "odd_mode": Meaning("unusual colour mode", "check the colours", "converted to 8-bit RGB"),
    "rotated": Meaning(
        "rotated by EXIF", "check that the rotated image is upright", "rotated as EXIF says"
    ),
    "narrow_range": Meaning(
        "values in a small part of their range",
        "check that the image shows something; keep images of one camera in a set",
        "used with the contrast that is left",
    ),
    "several_pages": Meaning(
        "several pages or frames", "save the one that shows the class", "the first is used"
    ),
    "blank": Meaning(
        "blank: one value throughout",
        "replace the image; see whether its content is on another page, or in more than 8 bits",
        "used, as all blank images of this value have one label and one group",
    ),
    "transparent": Meaning(
        "transparent throughout",
        "save the image without transparency",
        "used as white images, as all have one label and one group",
    ),
    "blank_tail": Meaning(
        "zeros where the end of the file belongs: an incomplete file",
        "copy or download the file again",
        "used, in case the zeros are a black border",
    ),
    "aspect": Meaning(
        "tall or wide, and cropped to the centre square",
        "set data.fit to pad or squash, if what matters is not in the centre",
        "the centre square is used",
    ),
    "dark": Meaning("nearly black", "check that the image shows something", "used as it is"),
    "bright": Meaning("nearly white", "check that the image shows something", "used as it is"),
    "blurred": Meaning(
        "far less sharp than the other images",
        "check that the image shows what its label says",
        "used as it is",
    ),
    "label_without_image": Meaning(
        "a label without an image",
        "add the file, or remove the line from labels.csv",
        "its line is left out",
    ),
    "image_without_label": Meaning(
        "an image without a label", "add a line to labels.csv, or remove the file"
    ),
    "annotators_tie": Meaning(
        "an image without a label that most annotators give",
        "ask one more annotator, or correct or remove a line of the image in labels.csv",
    ),
    "two_labels": Meaning(
        "identical images under two labels",
        "decide which label is right",
        "used under both labels, in one split",
    ),
    "two_groups": Meaning(
        "identical images in two groups",
        "check whether the groups are one patient or lesion",
        "both groups stay in one split",
    ),
    "duplicate": Meaning("identical images", "remove the copies", "in one split"),
    "near_duplicate": Meaning(
        "nearly identical images",
        "compare them; where they show the same object, give them one group",
        "may be in two splits",
    ),
    "split_leak": Meaning(
        "a group or its duplicates are in two of the given splits",
        "correct the column split",
    ),
    "similar_names": Meaning(
        "a class whose name may be another spelling of a larger class",
        "if they are one class, give its images the name of the larger class in labels.csv",
        "two classes, of which the smaller may have too few images for any promotion",
    ),
    "similar_groups": Meaning(
        "a group whose name may be another spelling of a larger group",
        "if they are one patient or lesion, give its images the name of the larger group in "
        "labels.csv",
        "two groups, so that one patient may be in training and test",
    ),
    "few_groups": Meaning(
        "a class with fewer than two groups",
        "add images of other patients or lesions",
        "trained on, but not in test",
    ),
    "spurious_cue": Meaning(
        "a class that a property of its files alone tells from the others",
        "see whether its images are from another camera or program; add images of the class "
        "without this property",
        "a model may have learnt this property alone, and fail on images without it",
    ),
}
