"""Phone numbers: one written form, so that one number is one identifier; and the numbers nobody owns."""

import re

_E164 = re.compile(r"[1-9]\d{6,14}")
_MAINLAND = re.compile(r"1[3-9]\d{9}")

# Numbers of carriers that stand in manuals and test data; whoever types one has not shown a number of their own.
BLOCKED = frozenset({"13800138000", "13010112500", "13800100500", "18600186000", "18900189000"})


def normalise(number: str, country_code: str) -> str | None:
    """National digits of a number (`13912345670` for +86), or None when it cannot be a real subscriber's.

    Length and first digit as in ITU-T E.164; mainland mobiles additionally as the national numbering plan has them.
    """
    digits = re.sub(r"[\s().-]", "", number).removeprefix("+")
    if country_code == "86":
        digits = digits.removeprefix("86") if len(digits) == 13 else digits
        return digits if _MAINLAND.fullmatch(digits) and not _is_nobodys(digits) else None
    digits = digits.removeprefix(country_code) if digits.startswith(country_code) else digits
    return digits if _E164.fullmatch(country_code + digits) and not _is_nobodys(digits) else None


def _is_nobodys(digits: str) -> bool:
    """Numbers people type when they have none: of a carrier, the last eight digits all equal, or counting up."""
    return digits in BLOCKED or len(set(digits[-8:])) == 1 or digits.endswith("12345678")


def masked(number: str) -> str:
    """A number as it is said back in chat: `138****0001`."""
    return f"{number[:3]}****{number[-4:]}"


def tail(number: str) -> str:
    """The last four digits: what is shown back to the person."""
    return number[-4:]
