"""A Python in which modules seem not to be installed: those that the variable BLOCKED names."""

import os
import sys
from importlib.machinery import PathFinder

BLOCKED = os.environ["BLOCKED"].split(",")


class Filtered:
    """The finder of installed modules, without the blocked ones."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            return None
        return PathFinder.find_spec(name, path, target)


sys.meta_path[:] = [Filtered() if each is PathFinder else each for each in sys.meta_path]
