"""What check-ins give, as operators publish it."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.errors import CheckInTermsWrong
from handlers.rewards.giving import problems_of
from handlers.rule_versions import RulesEditing, RulesInForce, RuleVersion
from handlers.rules import checkins
from handlers.rules.checkins import CheckInRules
from handlers.rules.roles import Capability

TERMS = RulesInForce("check_in_terms", CheckInRules, before=CheckInRules(is_open=False))


@dataclass(frozen=True, slots=True)
class CheckInVersion(RuleVersion[CheckInRules]):
    """One version as operators see it."""

    rules: CheckInRules


class CheckInTermsEditing(RulesEditing[CheckInRules, CheckInVersion]):
    """`publish` raises CheckInTermsWrong."""

    in_force, version, wrong = TERMS, CheckInVersion, CheckInTermsWrong
    capability, act = Capability.POINTS, "check_in"

    async def _problems(self, rules: CheckInRules) -> Sequence[tuple[str, str]]:
        parts = {"daily": rules.daily}
        for name, steps in (("streak", rules.streak), ("month", rules.month)):
            parts |= {f"{name}.{place}": step.rewards for place, step in enumerate(steps)}
        return [*checkins.problems_of(rules), *await problems_of(parts)]
