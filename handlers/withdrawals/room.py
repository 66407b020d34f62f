"""What the doors and the worker know of withdrawals."""

from dataclasses import dataclass

from handlers.withdrawals.reviewing import WithdrawalReviews
from handlers.withdrawals.sending import WithdrawalSending
from handlers.withdrawals.withdrawal_terms import WithdrawalTermsEditing
from handlers.withdrawals.withdrawals import Withdrawals


@dataclass(frozen=True, slots=True)
class WithdrawalRoom:
    """The use cases, by who comes: members, the worker and the payment service, operators."""

    asking: Withdrawals
    sending: WithdrawalSending
    reviews: WithdrawalReviews
    terms: WithdrawalTermsEditing
