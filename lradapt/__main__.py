"""The program `lradapt`, also as `python -m lradapt`."""

import sys

from lradapt.cli.program_end import errors_told, outside_environment
from lradapt.runtime.termination import end_with_parent


def main() -> None:
    """Run the command line; what goes wrong ends as one message and an exit code."""
    is_stage = sys.argv[1:2] == ["stage"]
    if is_stage:  # before the slow imports: whoever called it may die meanwhile
        end_with_parent()
    with errors_told(long_work=is_stage):
        try:
            from lradapt.cli.app import run
        except ModuleNotFoundError as error:
            sys.exit(outside_environment(str(error)))
        run()


if __name__ == "__main__":
    main()
