"""Long tests that would begin after the deadline of `.ci/run` are skipped; no other test is."""

from time import time

import pytest

DEADLINE = "LRADAPT_LONG_TESTS_UNTIL"


@pytest.fixture
def began(request, monkeypatch):
    """A function: whether this test, with a marker, begins where the deadline is so far away."""
    (conftest,) = (
        plugin
        for plugin in request.config.pluginmanager.get_plugins()
        if getattr(plugin, "DEADLINE", None) == DEADLINE
    )

    def begin(marker, seconds_left):
        request.node.add_marker(marker)
        monkeypatch.setenv(DEADLINE, str(time() + seconds_left))
        try:
            conftest.pytest_runtest_setup(request.node)
        except pytest.skip.Exception:
            return False
        return True

    return begin


@pytest.mark.parametrize(
    ("marker", "seconds_left", "begins"),
    [("long", 60, True), ("long", -1, False), ("slow", -1, True)],
)
def test_a_long_test_begins_only_before_the_deadline(began, marker, seconds_left, begins):
    assert began(marker, seconds_left) is begins
