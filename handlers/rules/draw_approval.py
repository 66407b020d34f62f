"""What of a draw one operator asks for and a second one does: more of a prize, other odds, chances by hand."""

from dataclasses import fields
from enum import StrEnum

from handlers.rules.draw_rules import DrawRules, Prize

_BESIDE_PRIZES = ("pity", "consolation", "per_member", "per_member_daily", "price")


class DrawAct(StrEnum):
    """What waits for a second operator."""

    STOCK = "stock"  # units for a prize
    CHANCES = "chances"  # for a member
    VERSION = "version"  # other rules in place of those that are published


def differences(before: DrawRules, after: DrawRules) -> tuple[str, ...]:
    """What decides otherwise under the later rules, by field (`prizes.kettle.ppm`, `price`); nothing: all as before.

    Title, window and notice decide nothing about who wins what.
    """
    old, new = ({prize.code: prize for prize in rules.prizes} for rules in (before, after))
    found = [f"prizes.{code}" for code in sorted(old.keys() ^ new.keys())]
    for code in sorted(old.keys() & new.keys()):
        found += [f"prizes.{code}.{name}" for name in _changed(old[code], new[code])]
    return *found, *[name for name in _BESIDE_PRIZES if getattr(before, name) != getattr(after, name)]


def _changed(old: Prize, new: Prize) -> list[str]:
    return [each.name for each in fields(Prize) if getattr(old, each.name) != getattr(new, each.name)]
