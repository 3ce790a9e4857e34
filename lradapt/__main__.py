"""The program `lradapt`, also as `python -m lradapt`."""

import sys

from lradapt.termination import end_with_parent


def main() -> None:
    """Run the command line; errors that a user can mend end as one message and exit code 1."""
    if sys.argv[1:2] == ["stage"]:  # before the slow imports: whoever called it may die meanwhile
        end_with_parent()
    try:
        from lradapt.cli import run
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: {error} for {sys.executable}. Enter the project's environment first: "
            "`. .venv/bin/activate` (made by `make install`)"
        )
    sys.exit(run())


if __name__ == "__main__":
    main()
