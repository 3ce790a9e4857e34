"""The tests of one file run in one process of pytest-xdist: they share what a fixture has made."""

import pytest


def test_the_scheduler_sees_the_group_of_each_test(request):
    if not request.config.getoption("loadgroup", False):
        pytest.skip("pytest runs without --dist loadgroup")
    assert request.node.nodeid.endswith(f"@{request.node.nodeid.partition('::')[0]}")
