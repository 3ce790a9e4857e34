import re

import pytest

from benchmarks.distributed_steps import main

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_images_and_cpu_seconds_are_reported(capsys):
    main(size=16, batch_size=4, num_steps=2, num_epochs=3, threads=1)
    rate = r"[\d.,]+ \([\d.,]+ to [\d.,]+\)"
    line = rf"1 process\(es\): {rate} images/s; {rate} CPU s for 1,000 images; load [\d.]+\n"
    assert re.fullmatch(line, capsys.readouterr().out)
