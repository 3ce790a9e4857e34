import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from lradapt.plots.confusion import _draw, confusion_plot


def test_class_names_with_dollars_are_not_formulas(tmp_path):
    path = tmp_path / "confusion.png"
    path.write_bytes(confusion_plot(np.eye(2, dtype=int), [r"$\price$", "$"], "two classes").png())
    with Image.open(path) as picture:
        assert picture.format == "PNG"


def test_the_plot_of_a_thousand_classes_has_a_bounded_size():
    names = [f"class {number}" for number in range(1000)]
    content = confusion_plot(np.eye(1000, dtype=int), names, "many classes").png()
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (2200, 2200)


def test_the_title_beside_long_names_of_classes_is_whole():
    names = ["functional_unsure", "defective_unsure", "functional", "defective"]
    title = "timm/tf_efficientnet_lite0, 437 test images"
    figure = Figure(figsize=(4, 4), layout="constrained")
    _draw(figure, np.eye(4, dtype=int), names, title)
    figure.draw_without_rendering()
    extent, whole = figure._suptitle.get_window_extent(), figure.bbox
    assert whole.x0 <= extent.x0 <= extent.x1 <= whole.x1
