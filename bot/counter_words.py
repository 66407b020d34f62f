"""What clerks write at the counter: how many uses, and what a bill comes to."""

import re

MOST_FEN = 10**12  # as by the mini-program
_USES = re.compile(r"(确认)? ?(?:([1-9][0-9]{0,3}) ?次?)?")
_YUAN = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,2}))? ?元?")
_LIKE_A_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._,+-]{6,}[0-9A-Za-z]")


def uses_said(said: str, *, counts: bool) -> int | None:
    """确认 is one use, `确认2`, `2次` and `2` are two, where there are uses to be counted; None for anything else."""
    found = _USES.fullmatch(said)
    if found is None or not said or (found[2] and not counts):
        return None
    return int(found[2] or 1)


def fen_said(said: str) -> int | None:
    """`128`, `128.5`, `128.50元` as fen, exactly; None for what is no amount, or none that can be a bill."""
    found = _YUAN.fullmatch(said)
    if found is None:
        return None
    fen = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    return fen if 0 < fen <= MOST_FEN else None


def is_like_a_code(said: str) -> bool:
    """Whether somebody meant to type a code: letters and digits in a row, and no word of Chinese."""
    return _LIKE_A_CODE.fullmatch(said) is not None
