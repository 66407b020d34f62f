"""Withdrawals, wired."""

from handlers.accounts.accounts import Accounts
from handlers.ports import Clock, Payments, Vault
from handlers.withdrawals.reviewing import WithdrawalReviews
from handlers.withdrawals.room import WithdrawalRoom
from handlers.withdrawals.sending import WithdrawalSending
from handlers.withdrawals.withdrawal_terms import WithdrawalTermsEditing
from handlers.withdrawals.withdrawals import Withdrawals


def withdrawals_of(clock: Clock, vault: Vault, accounts: Accounts, payments: Payments) -> WithdrawalRoom:
    """The room over the given outside world."""
    return WithdrawalRoom(
        asking=Withdrawals(clock, vault, accounts, payments),
        sending=WithdrawalSending(clock, vault, payments),
        reviews=WithdrawalReviews(clock),
        terms=WithdrawalTermsEditing(clock),
    )
