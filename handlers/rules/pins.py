"""Which six digits are no PIN, because they are what somebody at the counter would try first."""

import re
from datetime import date

DIGITS = 6
_FORM = re.compile(rf"[0-9]{{{DIGITS}}}")
_RUN = "01234567890"
_PATTERN = re.compile(r"(\d{1,3})\1+")  # 111111, 121212, 123123
_PAIRS = re.compile(r"(\d)\1(\d)\2(\d)\3")  # 112233
_HALVES = re.compile(r"(\d)\1\1(\d)\2\2")  # 111222
_COLUMNS = frozenset({"147258", "258369", "147369", "159753", "258456", "789456", "456123", "520131", "131452"})


def weakness(pin: str) -> str:
    """Why this is no PIN: `form`, `repeated`, `sequence`, `date`; an empty text: it is one.

    A date is day, month and two digits of a year in any of the usual orders: birthdays are what people take.
    """
    if not _FORM.fullmatch(pin) or not pin.isascii():
        return "form"
    if _PATTERN.fullmatch(pin) or _PAIRS.fullmatch(pin) or _HALVES.fullmatch(pin) or pin == pin[::-1]:
        return "repeated"
    if pin in _RUN or pin in _RUN[::-1] or pin in _COLUMNS:
        return "sequence"
    if any(_is_date(*parts) for parts in _orders(pin)):
        return "date"
    return ""


def _orders(pin: str) -> tuple[tuple[int, int, int], ...]:
    """As (year, month, day): 920517, 170592, 051792, and 199205 or 201705 for a year with its month."""
    a, b, c = int(pin[:2]), int(pin[2:4]), int(pin[4:])
    year, month = int(pin[:4]), int(pin[4:])
    months = ((year % 100, month, 1),) if 1930 <= year <= 2035 else ()
    return (a, b, c), (c, b, a), (c, a, b), *months


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(2000 if year % 4 == 0 else 2001, month, day)
    except ValueError:
        return False
    return True
