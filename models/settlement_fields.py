"""Columns of settlement, whose CHECKs look at other columns of the same row."""

from models.fields import T_INT, CheckedIntField


class PartOfSaleField(CheckedIntField[T_INT]):
    """What of the row's `amount_fen` it is: from nothing to all of it."""

    type_name = "BIGINT"
    condition = '{column} >= 0 AND {column} <= "amount_fen"'
    sqlite_type_name = "BIGINT"
    sqlite_condition = "typeof({column}) = 'integer' AND {column} >= 0 AND {column} <= \"amount_fen\""
