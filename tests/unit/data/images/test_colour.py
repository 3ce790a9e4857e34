"""Whether pictures have colours, also where grey ones are stored as red, green and blue."""

import pytest
from PIL import Image

from lradapt.data.images.colour import any_coloured


@pytest.mark.parametrize(
    ("mode", "value", "coloured"),
    [("L", 90, False), ("RGB", (90, 90, 91), False), ("RGB", (90, 90, 120), True)],
)
def test_pictures_have_colours_if_their_channels_differ(tmp_path, mode, value, coloured):
    Image.new("L", (8, 8), 9).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_text("text")
    Image.new(mode, (8, 8), value).save(tmp_path / "2.jpg")
    assert any_coloured(tmp_path, max_megapixels=80) is coloured


def test_only_some_are_read_and_they_are_spread_over_the_folder(tmp_path):
    for number in range(9):
        colour = (200, 0, 0) if number == 8 else (9, 9, 9)
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"{number}.png")
    assert any_coloured(tmp_path, max_megapixels=80, at_most=5)
    assert not any_coloured(tmp_path, max_megapixels=80, at_most=2)
