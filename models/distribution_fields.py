"""Columns of distribution, whose CHECKs are law: two levels at most, and nothing more back than was given."""

from models.fields import T_INT, CheckedIntField

_WHOLE = "typeof({column}) IN ('integer', 'null')"


class DistributionLevelField(CheckedIntField[T_INT]):
    """How far a promoter is from the sale: 1, or at most 2. No setting goes beyond."""

    type_name = "INT"
    condition = "{column} BETWEEN 1 AND 2"
    sqlite_type_name = "INT"
    sqlite_condition = f"{_WHOLE} AND {{column}} BETWEEN 1 AND 2"


class SignedFenField(CheckedIntField[T_INT]):
    """Money in fen: more than nothing, or of a row that takes back less than nothing."""

    type_name = "BIGINT"
    condition = '({column} > 0) = ("reverses_id" IS NULL) AND {column} <> 0'
    sqlite_type_name = "BIGINT"
    sqlite_condition = f'{_WHOLE} AND ({{column}} > 0) = ("reverses_id" IS NULL) AND {{column}} <> 0'


class TakenBackField(CheckedIntField[T_INT]):
    """What of the row's `amount_fen` was taken back: from nothing to all of it."""

    type_name = "BIGINT"
    condition = '{column} = 0 OR ({column} > 0 AND {column} <= "amount_fen")'
    sqlite_type_name = "BIGINT"
    sqlite_condition = f'{_WHOLE} AND ({{column}} = 0 OR ({{column}} > 0 AND {{column}} <= "amount_fen"))'
