"""Everything about paid membership that doors and the worker call, as one field of the catalogue."""

from dataclasses import dataclass

from handlers.plans.buying import PlanBuying
from handlers.plans.codes import PlanCodes
from handlers.plans.fee_figures import FeeFigures
from handlers.plans.my_membership import MyMembership
from handlers.plans.plan_editing import PlanEditing
from handlers.plans.plan_reminders import PlanReminders
from handlers.plans.trials import Trials


@dataclass(frozen=True, slots=True)
class PlanHandlers:
    """One typed field per use case."""

    buying: PlanBuying
    codes: PlanCodes
    editing: PlanEditing
    fees: FeeFigures
    mine: MyMembership
    reminders: PlanReminders
    trials: Trials
