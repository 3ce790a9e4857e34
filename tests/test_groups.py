"""The tests of one file run in one process of pytest-xdist: they share what a fixture has made."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="pytest runs in one process")
def test_the_scheduler_sees_the_group_of_each_test(request):
    assert request.node.nodeid.endswith(f"@{request.node.nodeid.partition('::')[0]}")
