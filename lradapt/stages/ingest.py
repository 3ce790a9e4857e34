"""Stage `ingest`: every image decoded once; a later run decodes only the new ones."""

from dataclasses import asdict

from PIL import features

from lradapt.config.params import load_params
from lradapt.data.images.image_table import PIXELS, TABLE, file_keys
from lradapt.data.images.ingest import ingest
from lradapt.data.images.optional_formats import optional_versions
from lradapt.runtime.row_cache import keep, made_with, recall
from lradapt.stages import Dep, Out, Store


def main(*, images: Dep, store: Store, pixels: Out, table: Out) -> None:
    """Decode every image that the previous run has not decoded."""
    how = load_params().data.preprocessing
    codecs = {name: features.version(name) for name in features.get_supported()}
    codecs |= optional_versions()
    made = made_with(__name__, how=asdict(how), codecs=codecs)
    ingest(images, pixels=pixels, table=table, how=how, kept=recall(store, "ingest", made))
    kept = {PIXELS: pixels, TABLE: table}
    keep(store, "ingest", made, keys=file_keys(table), files=kept)
