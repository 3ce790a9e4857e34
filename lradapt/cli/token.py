"""`lradapt token`: make a token for the endpoint, and the entry by which it is known there."""

from typing import Annotated

import typer

from lradapt.cli.options import AsJson
from lradapt.cli.output import console, print_json


def token(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Who gets the token; the access log has this name."),
    ],
    as_json: AsJson = False,
) -> None:
    """Make a token for `lradapt serve`, and its entry for LRADAPT_TOKENS.

    Prints both. The token is kept nowhere: give it to its owner, who sends it in
    the header `Authorization: Bearer TOKEN`. LRADAPT_TOKENS has the entries of
    all tokens, with commas or spaces between; the entry alone opens nothing.
    """
    from lradapt.serving.tokens import VARIABLE, hashed, new_token

    made = new_token()
    entry = hashed(name, made)
    if as_json:
        print_json({"token": made, "entry": entry})
        return
    console().print(f"token: {made}\nentry of {VARIABLE}: {entry}")
