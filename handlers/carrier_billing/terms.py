"""How much may be put on a phone bill, as operators publish it."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.errors import CarrierTermsWrong
from handlers.orders.on_the_bill import TERMS
from handlers.rule_versions import RulesEditing, RuleVersion
from handlers.rules.carrier_billing import CarrierRules, problems_of
from handlers.rules.roles import Capability


@dataclass(frozen=True, slots=True)
class CarrierVersion(RuleVersion[CarrierRules]):
    """One version as operators see it."""

    rules: CarrierRules


class CarrierTermsEditing(RulesEditing[CarrierRules, CarrierVersion]):
    """`publish` raises CarrierTermsWrong."""

    in_force, version, wrong = TERMS, CarrierVersion, CarrierTermsWrong
    capability, act = Capability.CARRIER_TERMS, "carrier"

    async def _problems(self, rules: CarrierRules) -> Sequence[tuple[str, str]]:
        return list(problems_of(rules))
