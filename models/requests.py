"""Requests that already had their effect: the one table of idempotency. Rules: `handlers/requests.py`."""

from tortoise import fields

from models.base import TimestampedModel
from models.fields import JsonField


class Request(TimestampedModel):
    """One request and its stored result, written in the effect's own transaction and kept 72 hours."""

    actor_kind = fields.CharField(max_length=32)
    actor_id = fields.CharField(max_length=64)
    operation = fields.CharField(max_length=64)
    key = fields.CharField(max_length=255)
    fingerprint = fields.CharField(max_length=64)
    result = JsonField()

    class Meta:
        table = "request"
        unique_together = (("actor_kind", "actor_id", "operation", "key"),)
        indexes = (("created_at",),)
