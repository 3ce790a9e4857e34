"""Print what a run of a flow ended with."""

from rich.table import Table

from lradapt.cli.output import console
from lradapt.config.paths import read_paths
from lradapt.production.release import Outcome
from lradapt.reporting import run_summary


def print_summary(outcome: Outcome | None) -> None:
    """Print what was trained, how good it is, what the gate decided, and what to try next."""
    paths = read_paths()
    table = Table(show_header=False, title="retrain")
    for what, value in run_summary.summary(paths, outcome):
        table.add_row(what, value)
    screen = console()
    screen.print(table)
    screen.print(f"report: {paths.report}", "next:", sep="\n")
    for command in run_summary.next_commands(paths, outcome):
        screen.print(f"  {command}")
