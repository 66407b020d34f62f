"""The words of the ledger and of points; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class LedgerAccountKind(StrEnum):
    """Whose account it is. Those of the programme have no owner and no stored balance."""

    MEMBER = "member"  # what a member has
    PENDING = "pending"  # what a member earned and cannot spend yet
    RECEIVABLE = "receivable"  # what a member owes the programme: never above zero
    ISSUED = "issued"
    SPENT = "spent"
    EXPIRED = "expired"
    ADJUSTED = "adjusted"  # what operators gave and took by hand
    RECEIVED = "received"  # money that payers paid in and that lies with the payment service: negative, as issued is
    INCOME = "income"  # money that the programme earned
    UNEARNED = "unearned"  # money of orders, held back from income while nobody has had anything for it
    PAYABLE = "payable"  # money that has to go back to whoever paid it
    COST = "cost"  # what the operator bears of what merchants gave: negative, as issued is
    MERCHANTS = "merchants"  # money that merchants are owed
    MERCHANTS_PAID = "merchants_paid"  # money that merchants were paid
    FEES = "fees"  # money that merchants left to the programme of what they are owed
    PAID_OUT = "paid_out"  # money that went to members' wallets


class HoldState(StrEnum):
    """Life of a hold: open, then posted, voided, or expired, which is voided by the clock."""

    OPEN = "open"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"


class PointsExpiry(StrEnum):
    """How the end of points is counted; natural months and years end with their last day."""

    NEVER = "never"
    DAYS = "days"
    MONTHS = "months"
    YEARS = "years"
