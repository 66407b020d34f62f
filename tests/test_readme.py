"""What README says of the doors is there, and what is there is said."""

import re
from pathlib import Path

from miniapp_api.routes import all_routes

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("## What operators do")[2].partition("\n## ")[0]
DOOR = "/operator/"
# Said elsewhere, where one comes in: the first operator and signing in, with how to set the house up.
COMING_IN = {"bootstrap", "sessions"}


def told(text: str) -> set[str]:
    """The first words of all that stands between backticks: `offers` of `offers/{id}`, `/stock` of nothing."""
    return {re.split(r"[/ ?]", each)[0] for each in re.findall(r"`([^`]+)`", text)}


def test_every_kind_of_route_that_operators_have_stands_in_their_table():
    kinds = {route.path.removeprefix(DOOR).partition("/")[0] for route in all_routes() if route.path.startswith(DOOR)}
    assert kinds - told(TABLE) == COMING_IN


def test_what_stands_behind_a_kind_is_a_route():
    """`/publish` beside `offers`: some route of operators has that part."""
    last = {part for route in all_routes() for part in route.path.split("/")}
    named = {each.strip("/").split("/")[0] for each in re.findall(r"`(/[a-z][a-z/-]*)`", TABLE)}
    assert named <= last | {"api"}
