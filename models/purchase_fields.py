"""Columns of purchases, whose CHECKs look at other columns of the same row."""

from models.fields import T_INT, CheckedIntField


class RefundedField(CheckedIntField[T_INT]):
    """What of the row's `amount_fen` was given back: from nothing to all of it."""

    type_name = "BIGINT"
    condition = '{column} >= 0 AND {column} <= "amount_fen"'
    sqlite_type_name = "BIGINT"
    sqlite_condition = "typeof({column}) = 'integer' AND {column} >= 0 AND {column} <= \"amount_fen\""


class GoneField(CheckedIntField[T_INT]):
    """What of the row's `amount` was taken back; with what is `owed` never more than it was."""

    type_name = "BIGINT"
    condition = '{column} >= 0 AND {column} + "owed_amount" <= "amount"'
    sqlite_type_name = "BIGINT"
    sqlite_condition = 'typeof({column}) = \'integer\' AND {column} >= 0 AND {column} + "owed_amount" <= "amount"'


class PositiveFenField(CheckedIntField[T_INT]):
    """Money in fen, more than nothing."""

    type_name = "BIGINT"
    condition = "{column} > 0"
    sqlite_type_name = "BIGINT"
    sqlite_condition = "typeof({column}) = 'integer' AND {column} > 0"


class FactorField(CheckedIntField[T_INT]):
    """A factor in basis points, 10,000 for one: 0 to 1,000,000 (a hundredfold)."""

    type_name = "INT"
    condition = "{column} >= 0 AND {column} <= 1000000"
    sqlite_type_name = "INT"
    sqlite_condition = "typeof({column}) = 'integer' AND {column} BETWEEN 0 AND 1000000"
