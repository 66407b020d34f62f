"""Jobs: work to do after commit, and the slots of recurring work. Rules: `handlers/outbox.py`, `app/worker.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import CountField, JsonField, UtcField, WordField
from models.words import JobState


class Job(TimestampedModel):
    """One piece of work, inserted in the transaction of the act that wants it, done at least once."""

    kind = fields.CharField(max_length=64)
    key = fields.CharField(max_length=191, unique=True)  # unique for ever, named after the act's row
    payload = JsonField(default=dict)
    state = WordField(JobState, default=JobState.READY)
    run_at = UtcField()
    order_key = fields.CharField(max_length=96, null=True)  # jobs that share one are done one at a time, oldest first
    attempt_count = CountField(default=0)
    fence = CountField(default=0)  # grows with each lease; a worker with an old one may not finish the job
    lease_owner = fields.CharField(max_length=64, null=True)
    lease_until = UtcField(null=True)
    last_error = fields.CharField(max_length=500, default="")
    finished_at = UtcField(null=True)

    class Meta:
        table = "job"


class CronSlot(TimestampedModel):
    """One due moment of a recurring task; whoever inserts it first has the right to start it."""

    name = fields.CharField(max_length=64)
    slot = fields.CharField(max_length=32)

    class Meta:
        table = "cron_slot"
        unique_together = (("name", "slot"),)
