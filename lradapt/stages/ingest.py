"""Stage `ingest`: every image decoded once."""

from lradapt.data.decode import Preprocessing
from lradapt.data.ingest import ingest
from lradapt.params import load_params
from lradapt.stages import Dep, Out


def main(*, images: Dep, pixels: Out, table: Out) -> None:
    """Decode every image once."""
    data = load_params().data
    how = Preprocessing(data.input_size, data.max_megapixels)
    ingest(images, pixels=pixels, table=table, how=how)
