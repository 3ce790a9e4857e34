"""The program `lradapt`, also as `python -m lradapt`."""

import os
import sys

from lradapt.cli.error_exit import exit_on_error
from lradapt.cli.extras import missing_module_message
from lradapt.runtime.system.processes import end_with_parent
from lradapt.runtime.thread_waits import shorten_thread_waits
from lradapt.runtime.user import complete_environment


def main() -> None:
    """Run the command line; an error ends it with one message and an exit code."""
    complete_environment()
    shorten_thread_waits(os.environ)
    is_stage = sys.argv[1:2] == ["stage"]
    if is_stage:  # before the slow imports, during which the parent may die
        end_with_parent()
    with exit_on_error(long_work=is_stage):
        try:
            from lradapt.cli.app import run
        except ModuleNotFoundError as error:
            sys.exit(missing_module_message(error.name))
        run()


if __name__ == "__main__":
    main()
