"""`python -m manual.recording`: record a command on a terminal, and draw the recording."""

from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.error_exit import exit_on_error
from lradapt.runtime.files import write_text
from manual.recording.cast import as_text, from_text, record
from manual.recording.svg import draw, film

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings={"ignore_unknown_options": True})
def make(
    file: Annotated[Path, typer.Argument(help="The recording, NAME.cast.")],
    command: Annotated[list[str], typer.Argument(help="The command, with its arguments.")],
    width: Annotated[int, typer.Option(help="Letters in a line.")] = 80,
    height: Annotated[int, typer.Option(help="Lines.")] = 34,
) -> None:
    """Run a command on a terminal of its own, and write what it prints with its times."""
    with exit_on_error():
        write_text(file, as_text(record(command, width=width, height=height, cwd=Path.cwd())))


@app.command(name="draw")
def draw_file(
    file: Annotated[Path, typer.Argument(help="The recording, NAME.cast.")],
    picture: Annotated[Path, typer.Argument(help="The picture, NAME.svg.")],
    title: Annotated[str, typer.Option(help="What the picture shows.")],
    longest: Annotated[float, typer.Option(help="Seconds of the longest pause.")] = 0.15,
    shortest: Annotated[float, typer.Option(help="Seconds of the shortest picture.")] = 0.1,
    last: Annotated[float, typer.Option(help="Seconds of the last picture.")] = 6.0,
) -> None:
    """Draw a recording as an animated SVG."""
    with exit_on_error():
        cast = from_text(file.read_text(encoding="utf-8"))
        pictures = film(cast, longest_seconds=longest, shortest_seconds=shortest, last_seconds=last)
        write_text(picture, draw(pictures, width=cast.width, height=cast.height, title=title))


if __name__ == "__main__":
    app(prog_name="python -m manual.recording")
