import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from lradapt.config.validation import validate
from lradapt.errors import ParamsError


class Kitchen(BaseModel):
    """A schema of a file that is not params.yaml."""

    model_config = ConfigDict(extra="forbid", strict=True)
    spoons: int
    size: tuple[int, int]


def test_a_list_is_accepted_for_a_tuple(tmp_path):
    assert validate(Kitchen, {"spoons": 2, "size": [1, 2]}, tmp_path).size == (1, 2)


def test_the_error_lists_every_fault_the_file_and_the_module_of_the_schema(tmp_path):
    with pytest.raises(ParamsError) as caught:
        validate(Kitchen, {"spoons": "two", "forks": 1}, tmp_path / "kitchen.yaml")
    first, *faults = str(caught.value).splitlines()
    assert "kitchen.yaml has 3 fault(s); every key is documented in " in first
    assert first.endswith("test_validation:")
    assert [fault.partition(":")[0] for fault in faults] == ["  - spoons", "  - size", "  - forks"]
    assert isinstance(caught.value.__cause__, ValidationError)
