"""What operators make an account say, and the menus they published."""

from tortoise import fields

from models.accounts import Account
from models.base import TimestampedModel
from models.fields import CountField, JsonField, UtcField, WordField
from models.words import ReplyKind, ReplyTrigger


class Reply(TimestampedModel):
    """One reply of one account: when it speaks, and what it says."""

    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.RESTRICT, related_name="replies"
    )
    trigger = WordField(ReplyTrigger)
    pattern = fields.CharField(max_length=64, default="")  # the keyword or the scene; empty on follow
    kind = WordField(ReplyKind)
    content = JsonField()
    priority = CountField(default=0)  # the higher speaks first
    starts_at = UtcField(null=True)  # half-open; null means always
    ends_at = UtcField(null=True)
    is_enabled = fields.BooleanField(default=True)
    updated_at = UtcField(auto_now=True)

    class Meta:
        table = "reply"
        indexes = (("account_id", "is_enabled"),)


class MenuRelease(TimestampedModel):
    """One menu as it was published; rolling back publishes an earlier one again."""

    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.RESTRICT, related_name="menu_releases"
    )
    buttons = JsonField()
    published_at = UtcField()
    published_by = fields.CharField(max_length=64)

    class Meta:
        table = "menu_release"
        indexes = (("account_id", "published_at"),)
