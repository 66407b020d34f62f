"""When what was off: what is scanned without a network is judged by it. Rules: `handlers/pauses.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import UtcField, WordField
from models.words import PausedKind


class Pause(TimestampedModel):
    """A benefit or an offer was paused, or a merchant switched off, in [began_at, ended_at); null: it still is.

    The switch itself stands with its own row. What was off before pauses were kept has no row of its own here.
    """

    subject_kind = WordField(PausedKind)
    subject_id = fields.UUIDField()
    began_at = UtcField()
    ended_at = UtcField(null=True)

    class Meta:
        table = "pause"
        indexes = (("subject_id", "began_at"),)
