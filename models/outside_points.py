"""Points that somebody outside keeps for our members (a carrier's own 积分). Rules: `handlers/outside_points/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.benefits import Offer
from models.claims import Claim
from models.fields import CountField, UtcField, WordField
from models.fulfillments import Supplier
from models.identity import Member
from models.words import OutsideHoldState, OutsideShareState


class OutsideHold(TimestampedModel):
    """What one wish for an offer costs in points of an account outside: held before it is given, posted after.

    The account knows it by `hold_no`, which is made once. `open_key` is that of the wish for as long as nobody knows
    what comes of it, so that the same wish is never paid twice at once.
    """

    supplier: fields.ForeignKeyRelation[Supplier] = fields.ForeignKeyField(
        "models.Supplier", on_delete=fields.RESTRICT, related_name="outside_holds"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="outside_holds"
    )
    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="outside_holds"
    )
    claim: fields.ForeignKeyNullableRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="outside_holds"
    )  # the first of those that it paid for
    hold_no = fields.CharField(max_length=32, unique=True)
    open_key = fields.CharField(max_length=320, null=True, unique=True)
    points = CountField()
    state = WordField(OutsideHoldState, default=OutsideHoldState.BEGUN)
    look_count = CountField(default=0)  # how often the account was asked since it was to be settled
    look_at = UtcField()  # when it is looked at next; moved on before each look
    last_reason = fields.CharField(max_length=64, default="")  # the account's own word
    closed_at = UtcField(null=True)

    shares: fields.ReverseRelation["OutsideShare"]

    class Meta:
        table = "outside_hold"
        indexes = (("member_id", "id"), ("state", "look_at"))

    @property
    def returned(self) -> int:
        """How many of the points went back since; the shares were read with the hold."""
        return sum(each.points for each in self.shares if each.state is OutsideShareState.RETURNED)


class OutsideShare(TimestampedModel):
    """What one claim cost of a hold, and how that goes back when the claim is taken back unused.

    The account knows the return by `return_no`, which is made once, with the claim.
    """

    hold: fields.ForeignKeyRelation[OutsideHold] = fields.ForeignKeyField(
        "models.OutsideHold", on_delete=fields.RESTRICT, related_name="shares"
    )
    claim: fields.OneToOneRelation[Claim] = fields.OneToOneField(
        "models.Claim", on_delete=fields.RESTRICT, related_name="outside_share"
    )
    return_no = fields.CharField(max_length=32, unique=True)
    points = CountField()
    state = WordField(OutsideShareState, default=OutsideShareState.KEPT)
    look_count = CountField(default=0)  # how often the account was asked
    look_at = UtcField(null=True)  # when it is looked at next; moved on before each look
    last_reason = fields.CharField(max_length=64, default="")  # the account's own word
    closed_at = UtcField(null=True)

    class Meta:
        table = "outside_share"
        indexes = (("hold_id",), ("state", "look_at"))
