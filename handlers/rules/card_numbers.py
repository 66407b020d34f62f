"""Card numbers: a prefix, a body and a check digit; issued ones are derived from the member's ordinal."""

import hashlib
import unicodedata
from dataclasses import dataclass

from handlers.rules.numbers import check_digit

SHORTEST, LONGEST = 6, 32
LONGEST_ISSUED_BODY, SHORTEST_ISSUED_BODY = 18, 10  # ten digits hold every ordinal there can be (< 2^31)
_SEPARATORS = str.maketrans("", "", " -\u3000")


@dataclass(frozen=True, slots=True)
class NumberForm:
    """What numbers of one kind look like: how they begin, and how many digits the whole has."""

    prefix: str
    digit_count: int

    @property
    def body_count(self) -> int:
        """Digits between the prefix and the check digit."""
        return self.digit_count - len(self.prefix) - 1


def normalise(typed: str) -> str:
    """A number as it is stored: full-width digits narrowed, spaces and hyphens dropped."""
    return unicodedata.normalize("NFKC", typed).translate(_SEPARATORS).strip()


def is_well_formed(number: str, form: NumberForm) -> bool:
    """Whether a normalised number has the form's length and prefix and a check digit that fits (Luhn)."""
    return (
        len(number) == form.digit_count
        and number.isascii()
        and number.isdigit()
        and number.startswith(form.prefix)
        and check_digit(number[:-1]) == number[-1]
    )


def is_possible(form: NumberForm, *, issued: bool) -> bool:
    """Whether a kind may have this form; numbers that are issued need room for every ordinal."""
    if not (SHORTEST <= form.digit_count <= LONGEST and form.body_count >= 1):
        return False
    if form.prefix and not (form.prefix.isascii() and form.prefix.isdigit()):
        return False
    return not issued or SHORTEST_ISSUED_BODY <= form.body_count <= LONGEST_ISSUED_BODY


class IssuedNumbers:
    """The numbers of one issued kind: ordinal -> number, one to one, so that no two members get the same.

    The body is `ordinal * factor + shift` modulo 10^n. The factor shares no divisor with 10, hence a bijection; both
    come from the kind's code, so that numbers of two kinds do not tell that they belong together.
    """

    def __init__(self, code: str, form: NumberForm) -> None:
        """Raises ValueError for a form without room for every ordinal."""
        if not is_possible(form, issued=True):
            raise ValueError("no room for issued numbers")
        seed = hashlib.sha256(f"card numbers of {code}".encode()).digest()
        self._form = form
        self._space = 10**form.body_count
        self._factor = _coprime_to_ten(int.from_bytes(seed[:16]) % self._space)
        self._shift = int.from_bytes(seed[16:]) % self._space

    def number(self, ordinal: int) -> str:
        """The number of the member with this ordinal (>= 1). Raises ValueError outside of what fits."""
        if not 1 <= ordinal < self._space:
            raise ValueError("ordinal out of range")
        body = (ordinal * self._factor + self._shift) % self._space
        digits = f"{self._form.prefix}{body:0{self._form.body_count}d}"
        return digits + check_digit(digits)


def _coprime_to_ten(value: int) -> int:
    while value % 2 == 0 or value % 5 == 0:
        value += 1
    return value
