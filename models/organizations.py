"""Organizations: the operator and, below it, provinces, cities and departments."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import WordField
from models.words import OrganizationKind


class Organization(TimestampedModel):
    """One operator, province or city; the one without a parent is the root and always exists."""

    parent: fields.ForeignKeyNullableRelation["Organization"] = fields.ForeignKeyField(
        "models.Organization", null=True, on_delete=fields.RESTRICT, related_name="children"
    )
    code = fields.CharField(max_length=64, unique=True)
    name = fields.CharField(max_length=128)
    kind = WordField(OrganizationKind, default=OrganizationKind.OPERATOR)

    class Meta:
        table = "organization"
