"""Member numbers: nine digits and a check digit, spread so that a number does not tell how many members there are."""

_SPREAD, _SHIFT, _SPACE = 618_033_989, 271_828_183, 10**9  # the factor shares no divisor with 10, so it is a bijection


def member_number(ordinal: int) -> str:
    """The 会员号 of the member with this ordinal (>= 1, < 10^9): ten digits, unique, never reused.

    Raises ValueError outside that range.
    """
    if not 1 <= ordinal < _SPACE:
        raise ValueError("ordinal out of range")
    body = f"{(ordinal * _SPREAD + _SHIFT) % _SPACE:09d}"
    return body + check_digit(body)


def check_digit(digits: str) -> str:
    """The Luhn digit (ISO/IEC 7812-1 annex B) that makes `digits` plus itself pass."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def is_well_formed(number: str) -> bool:
    """Whether a typed number is ten digits whose check digit fits."""
    return len(number) == 10 and number.isascii() and number.isdigit() and check_digit(number[:-1]) == number[-1]
