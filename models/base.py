"""What every table shares."""

from tortoise import fields
from tortoise.models import Model

from models.fields import UtcField
from models.ids import new_id


class TimestampedModel(Model):
    """A row with an opaque, time-ordered id that knows when it came to be."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    created_at = UtcField(auto_now_add=True)

    class Meta:
        abstract = True
