"""Columns of the ledger, whose CHECKs look at other columns of the same row.

Both databases let the CHECK of one column name another; a null in any of them passes it.
"""

from models.fields import T_INT, CheckedIntField

_WHOLE = "typeof({column}) IN ('integer', 'null')"


class BalanceField(CheckedIntField[T_INT]):
    """A signed whole number of 64 bits: what stands on an account."""

    type_name = "BIGINT"
    condition = ""
    sqlite_type_name = "BIGINT"
    sqlite_condition = _WHOLE


class FloorField(CheckedIntField[T_INT]):
    """Below this no account falls, whatever is held of it counted as gone: posted - held >= floor."""

    type_name = "BIGINT"
    condition = '"posted" - "held" >= {column}'
    sqlite_type_name = "BIGINT"
    sqlite_condition = f'{_WHOLE} AND "posted" - "held" >= {{column}}'


class AmountField(CheckedIntField[T_INT]):
    """How much of a unit: more than nothing."""

    type_name = "BIGINT"
    condition = "{column} > 0"
    sqlite_type_name = "BIGINT"
    sqlite_condition = "typeof({column}) IN ('integer', 'null') AND {column} > 0"


class MovedAmountField(CheckedIntField[T_INT]):
    """The amount of a transfer: more than nothing, and between two accounts."""

    type_name = "BIGINT"
    condition = '{column} > 0 AND "debit_id" <> "credit_id"'
    sqlite_type_name = "BIGINT"
    sqlite_condition = f'{_WHOLE} AND {{column}} > 0 AND "debit_id" <> "credit_id"'


class PartField(CheckedIntField[T_INT]):
    """A part of the row's `amount`: from nothing to all of it."""

    type_name = "BIGINT"
    condition = '{column} >= 0 AND {column} <= "amount"'
    sqlite_type_name = "BIGINT"
    sqlite_condition = f'{_WHOLE} AND {{column}} >= 0 AND {{column}} <= "amount"'


class BudgetField(CheckedIntField[T_INT]):
    """How much of the row's `budget` is used; where that is null there is no limit."""

    type_name = "BIGINT"
    condition = '{column} >= 0 AND {column} <= "budget"'
    sqlite_type_name = "BIGINT"
    sqlite_condition = f'{_WHOLE} AND {{column}} >= 0 AND {{column}} <= "budget"'
