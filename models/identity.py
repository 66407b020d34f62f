"""Who is who: members, their identifiers, and what happened to both. Rules: `handlers/identity/identity.py`."""

from tortoise import fields

from models.accounts import Account
from models.base import TimestampedModel
from models.fields import JsonField, UtcField, WordField
from models.organizations import Organization
from models.words import IdentifierStatus, IdentityAct, MemberStatus, Namespace, Touchpoint


class Member(TimestampedModel):
    """One known person, from the first follow, login or import on; `joined_at` stays empty until 入会."""

    ordinal = fields.IntField(unique=True)  # dense, never reused: what crowds are counted with
    status = WordField(MemberStatus, default=MemberStatus.ACTIVE)
    canonical: fields.ForeignKeyNullableRelation["Member"] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT, related_name="merged_members"
    )
    organization: fields.ForeignKeyNullableRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", null=True, on_delete=fields.RESTRICT, related_name="members"
    )  # the city; null means the root alone
    number = fields.CharField(max_length=16, null=True, unique=True)  # 会员号, given at joining
    joined_at = UtcField(null=True)
    joined_through = WordField(Touchpoint, null=True)
    profile_cipher = fields.TextField(default="")  # what the person told of themselves, as encrypted JSON
    phone_tail = fields.CharField(max_length=4, default="")  # shown back to the person; the number is an identifier

    class Meta:
        table = "member"


class Identifier(TimestampedModel):
    """One proven way to recognise a member. The value is found by keyed hash and read back only by decryption."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="identifiers"
    )
    namespace = WordField(Namespace)
    scope = fields.CharField(max_length=64)  # app id, open-platform group, country
    value_hash = fields.CharField(max_length=64)
    value_cipher = fields.TextField()
    status = WordField(IdentifierStatus, default=IdentifierStatus.ACTIVE)
    verified_at = UtcField()
    verified_by = fields.CharField(max_length=32)
    last_seen_at = UtcField()

    class Meta:
        table = "identifier"
        indexes = (("member_id", "namespace"),)


class IdentityEvent(TimestampedModel):
    """Something that happened to a person's identity. Append-only: triggers refuse edits and deletes."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="identity_events"
    )
    act = WordField(IdentityAct)
    namespace = WordField(Namespace, null=True)
    scope = fields.CharField(max_length=64, default="")
    # Tells two values of one member apart, and finds nobody: an append-only row must not outlive a deletion with more.
    value_mark = fields.CharField(max_length=16, default="")
    other_member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT, related_name="identity_events_as_other"
    )
    evidence = JsonField(default=dict)
    happened_at = UtcField()

    class Meta:
        table = "identity_event"
        indexes = (("member_id", "happened_at"),)


class MemberMerge(TimestampedModel):
    """Two member rows that turned out to be one person, with what it takes to undo it."""

    winner: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="merges_won"
    )
    loser: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="merges_lost"
    )
    reason = fields.CharField(max_length=64)
    moved = JsonField(default=dict)  # ids of the rows that were repointed, and the loser's state before
    merged_at = UtcField()
    reversible_until = UtcField()

    class Meta:
        table = "member_merge"


class Follower(TimestampedModel):
    """One person and one official account: following now, or not any more."""

    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.RESTRICT, related_name="followers"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="followings"
    )
    followed_at = UtcField()
    unfollowed_at = UtcField(null=True)

    class Meta:
        table = "follower"
        unique_together = (("account", "member"),)
        indexes = (("member_id",),)


class Attribution(TimestampedModel):
    """What first brought this person: the scene of a QR code or link. Written once, never changed."""

    member: fields.OneToOneRelation[Member] = fields.OneToOneField(
        "models.Member", on_delete=fields.RESTRICT, related_name="attribution"
    )
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.RESTRICT, related_name="attributions"
    )
    scene = fields.CharField(max_length=64)
    touched_at = UtcField()

    class Meta:
        table = "attribution"
