"""The words of paid membership; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class PlanState(StrEnum):
    """Life of a plan: only a published one is sold; withdrawn, what was bought of it goes on."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class PlanPeriod(StrEnum):
    """How long one purchase lasts; the days of each stand in `handlers/rules/plans.py`."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class PlanWay(StrEnum):
    """What an order of a plan does when it is paid."""

    EXTEND = "extend"  # begins a membership, or goes on after its end
    UPGRADE = "upgrade"  # lifts what is left of one to a higher level


class TermCause(StrEnum):
    """What one term of a paid membership came from."""

    BOUGHT = "bought"
    UPGRADED = "upgraded"
    TRIAL = "trial"
    CODE = "code"
    CO_BRANDED = "co_branded"  # given for an agreement with a partner
