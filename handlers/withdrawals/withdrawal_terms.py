"""By which limits money is taken out, as operators publish it."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.errors import WithdrawalTermsWrong
from handlers.rule_versions import RulesEditing, RulesInForce, RuleVersion
from handlers.rules.roles import Capability
from handlers.rules.withdrawals import WithdrawalRules, problems_of

TERMS = RulesInForce("withdrawal_terms", WithdrawalRules, before=WithdrawalRules(is_open=False))


@dataclass(frozen=True, slots=True)
class WithdrawalVersion(RuleVersion[WithdrawalRules]):
    """One version as operators see it."""

    rules: WithdrawalRules


class WithdrawalTermsEditing(RulesEditing[WithdrawalRules, WithdrawalVersion]):
    """`publish` raises WithdrawalTermsWrong."""

    in_force, version, wrong = TERMS, WithdrawalVersion, WithdrawalTermsWrong
    capability, act = Capability.WITHDRAWAL_TERMS, "withdrawal"

    async def _problems(self, rules: WithdrawalRules) -> Sequence[tuple[str, str]]:
        return list(problems_of(rules))
