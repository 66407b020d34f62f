"""The daily bill of a carrier: signed as a whole, lines of our number and fen, and a last line with their sums."""

import re

LARGEST_BILL = 64 * 1024 * 1024
HEAD = "number,amount_fen,billing_month"
_LINE = re.compile(r"([0-9A-Za-z_-]{1,64}),([0-9]{1,12}),(20[0-9]{2}-[0-9]{2})")
_END = re.compile(r"total,([0-9]{1,9}),([0-9]{1,15})")


def fen_by_number(content: bytes) -> dict[str, int] | None:
    """Fen by our number; None where the file is not whole or names a number twice."""
    try:
        head, *lines, end, rest = content.decode("ascii").split("\n")
    except ValueError:  # not ASCII, or too few lines
        return None
    sums = _END.fullmatch(end)
    if head != HEAD or rest or sums is None:
        return None
    found: dict[str, int] = {}
    for line in lines:
        told = _LINE.fullmatch(line)
        if told is None or told[1] in found:
            return None
        found[told[1]] = int(told[2])
    is_whole = (len(found), sum(found.values())) == (int(sums[1]), int(sums[2]))
    return found if is_whole else None
