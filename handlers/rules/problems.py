"""What stands against publishing something, in the same words wherever that is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason against: which field, what is wrong with it (for programs), and a sentence."""

    field: str
    problem: str
    why: str


def facts_of(problems: Sequence[Problem]) -> dict[str, Any]:
    """What a refusal carries: `why`, each sentence once, and `problems` (field, problem) for programs."""
    return {
        "why": "；".join(dict.fromkeys(each.why for each in problems)) + "。",
        "problems": [{"field": each.field, "problem": each.problem} for each in problems],
    }
