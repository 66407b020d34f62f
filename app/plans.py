"""Paid membership, wired."""

from handlers.accounts.accounts import Accounts
from handlers.orders.ordering import Ordering
from handlers.plans.buying import PlanBuying
from handlers.plans.codes import PlanCodes
from handlers.plans.my_membership import MyMembership
from handlers.plans.plan_editing import PlanEditing
from handlers.plans.plan_reminders import PlanReminders
from handlers.plans.room import PlanHandlers
from handlers.plans.trials import Trials
from handlers.ports import Clock, Payments, Vault


def build_plans(clock: Clock, vault: Vault, accounts: Accounts, payments: Payments) -> PlanHandlers:
    """Over the given outside world."""
    ordering = Ordering(clock, vault, accounts, payments)
    return PlanHandlers(
        buying=PlanBuying(clock, vault, accounts, payments, ordering),
        codes=PlanCodes(clock, vault),
        editing=PlanEditing(clock),
        mine=MyMembership(clock),
        reminders=PlanReminders(clock),
        trials=Trials(clock, vault),
    )
