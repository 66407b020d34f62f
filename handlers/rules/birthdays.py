"""Birthdays: of somebody who can be alive."""

from datetime import date

OLDEST = date(1900, 1, 1)


def is_birthday(said: str, today: date) -> bool:
    """Whether this (YYYY-MM-DD) is the birthday of a person today; `today` is the business day of the programme."""
    try:
        born = date.fromisoformat(said)
    except ValueError:
        return False
    return OLDEST <= born <= today
