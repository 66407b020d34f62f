"""WeChat accounts: official accounts and mini-programs, as many as the operator has."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import JsonField, UtcField, WordField
from models.organizations import Organization
from models.words import AccountKind, AccountMode


class Account(TimestampedModel):
    """One official account or mini-program. Its secrets are encrypted, each bound to this row and column."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="accounts"
    )
    key = fields.CharField(max_length=32, unique=True)  # the word in `/wechat/{account}`
    kind = WordField(AccountKind)
    mode = WordField(AccountMode)
    app_id = fields.CharField(max_length=64, unique=True)
    original_id = fields.CharField(max_length=64, default="")  # gh_..., ToUserName of its pushes
    open_platform = fields.CharField(max_length=64, default="")  # accounts of one group share union ids
    secret_cipher = fields.TextField()
    token_cipher = fields.TextField()
    aes_key_cipher = fields.TextField(default="")
    previous_aes_key_cipher = fields.TextField(default="")
    template_ids = JsonField(default=dict)
    brand_name = fields.CharField(max_length=64, default="")
    service_phone = fields.CharField(max_length=32, default="")
    service_hours = fields.CharField(max_length=64, default="")
    menu = JsonField(null=True)  # what operators want; null means the default menu
    updated_at = UtcField(auto_now=True)

    class Meta:
        table = "account"
