"""Column types of this house: instants, money, rates, counts, JSON, words.

A CHECK is part of the column's SQL type, because Tortoise's `CreateModel` drops `CheckConstraint` without a word. All
of them pass through Tortoise's migration writer and state unchanged.
"""

from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from tortoise import fields
from tortoise.exceptions import ValidationError
from tortoise.fields.data import CharEnumFieldInstance

from models.sql import dump_json, utc

T_INT = TypeVar("T_INT", int, int | None)
T_INSTANT = TypeVar("T_INSTANT", datetime, datetime | None)
EnumType = TypeVar("EnumType", bound=Enum)


class Checked:
    """Mixin of columns with a CHECK: `type_name` and `condition` per database, the column's name filled in.

    A nullable column passes the check with NULL, as SQL has it (unknown is not false).
    """

    type_name: ClassVar[str]
    condition: ClassVar[str]  # `{column}` stands for the quoted name; empty for none
    sqlite_type_name: ClassVar[str]
    sqlite_condition: ClassVar[str]

    if TYPE_CHECKING:
        source_field: str | None
        model_field_name: str

    def checked(self, type_name: str, condition: str) -> str:
        """The SQL type with its CHECK. Tortoise knows the column's name only once the model is complete."""
        if not condition:
            return type_name
        column = f'"{self.source_field or self.model_field_name}"'
        return f"{type_name} CHECK ({condition.format(column=column)})"

    if not TYPE_CHECKING:  # Tortoise declares plain attributes, which a property may not replace in the eyes of mypy

        @property
        def SQL_TYPE(self) -> str:  # noqa: N802 - Tortoise's name
            return self.checked(self.type_name, self.condition)

        class _db_sqlite:  # noqa: N801 - Tortoise finds the dialect by this name
            def __init__(self, field: "Checked") -> None:
                self.field = field

            @property
            def SQL_TYPE(self) -> str:  # noqa: N802
                return self.field.checked(self.field.sqlite_type_name, self.field.sqlite_condition)


class CheckedIntField(Checked, fields.IntField[T_INT]):
    """An integer with a CHECK. SQLite stores fractions and texts in any column, so there the type is checked too."""

    def to_python_value(self, value: Any) -> Any:
        return value  # Tortoise would cut 1.5 to 1 before anybody could refuse it

    def to_db_value(self, value: Any, instance: Any) -> Any:
        if value is not None and type(value) is not int:
            raise ValidationError(f"{self.model_field_name}: a whole number is needed, not {type(value).__name__}")
        self.validate(value)
        return value


class CountField(CheckedIntField[T_INT]):
    """How many: 0 to 2,147,483,647."""

    type_name = "INT"
    condition = "{column} >= 0"
    sqlite_type_name = "INT"
    sqlite_condition = "typeof({column}) IN ('integer', 'null') AND {column} BETWEEN 0 AND 2147483647"


class FenField(CheckedIntField[T_INT]):
    """Money in fen, never negative (a debt is a floor of its ledger account, not a negative amount)."""

    type_name = "BIGINT"
    condition = "{column} >= 0"
    sqlite_type_name = "BIGINT"
    sqlite_condition = "typeof({column}) IN ('integer', 'null') AND {column} >= 0"


class BasisPointField(CheckedIntField[T_INT]):
    """A rate in basis points: 0 to 10,000 (100 %)."""

    type_name = "INT"
    condition = "{column} >= 0 AND {column} <= 10000"
    sqlite_type_name = "INT"
    sqlite_condition = "typeof({column}) IN ('integer', 'null') AND {column} BETWEEN 0 AND 10000"


class UtcField(Checked, fields.DatetimeField[T_INSTANT]):
    """An instant: `timestamptz` on PostgreSQL, fixed-width text on SQLite, an aware UTC `datetime` in Python.

    Raises NaiveInstant for a value without an offset, wherever it comes from: a new row, an attribute when the row is
    saved, `filter()`, `update()`.
    """

    type_name = "TIMESTAMPTZ"
    condition = ""
    # The type's name makes SQLite keep text as text, and tells the reading side what the text is.
    sqlite_type_name = "UTCTEXT"
    sqlite_condition = (
        "{column} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] "
        "[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'"
    )

    class _db_postgres:  # noqa: N801
        """Tortoise's own column type, which the class above replaces."""

    def to_python_value(self, value: Any) -> Any:
        if value is None:
            return None
        return utc(value if isinstance(value, datetime) else datetime.fromisoformat(value))

    def to_db_value(self, value: Any, instance: Any) -> Any:
        # Only rows have this attribute; a class is passed where values of a query are converted.
        if hasattr(instance, "_saved_in_db") and (
            self.auto_now or (self.auto_now_add and getattr(instance, self.model_field_name) is None)
        ):
            now = datetime.now(UTC)
            setattr(instance, self.model_field_name, now)
            return now
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise ValidationError(f"{self.model_field_name}: an instant is needed, not {type(value).__name__}")
        self.validate(value)
        return utc(value)


class JsonField(Checked, fields.JSONField[Any]):  # type: ignore[misc] # dict and list both, as Tortoise has it
    """A dict or list as JSON with sorted keys: JSONB on PostgreSQL, checked text on SQLite."""

    type_name = "JSONB"
    condition = ""
    sqlite_type_name = "JSONTEXT"
    sqlite_condition = "{column} IS NULL OR json_valid({column})"  # json_valid(NULL) is 0 before SQLite 3.45

    class _db_postgres:  # noqa: N801
        """Tortoise's own column type, which the class above replaces."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def to_db_value(self, value: Any, instance: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, dict | list):
            raise ValidationError(f"{self.model_field_name}: a dict or list is needed, not {type(value).__name__}")
        self.validate(value)
        return dump_json(value)

    def to_python_value(self, value: Any) -> Any:
        return value  # both drivers hand over what the text meant; a text that a caller gives is refused on saving

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {name: value for name, value in kwargs.items() if name not in {"encoder", "decoder"}}


def WordField(words: type[EnumType], **kwargs: Any) -> fields.Field[EnumType]:  # noqa: N802 - stands like a class
    """One word of a closed list. Tortoise describes such a column by its words and calls a longer list a changed
    column, which it then rebuilds: an empty description lets the list grow without a migration.
    """
    return CharEnumFieldInstance(words, description="", max_length=32, **kwargs)
