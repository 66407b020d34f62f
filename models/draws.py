"""抽奖: draws, what was published of them, their stock and seeds, and every spin. Rules: `handlers/draws/`."""

from tortoise import fields

from models.base import TimestampedModel
from models.benefits import Offer
from models.claims import Claim
from models.fields import CountField, FenField, JsonField, UtcField, WordField
from models.identity import Member
from models.operators import Operator
from models.organizations import Organization
from models.words import DrawState, DuePrizeState, ParcelState, SpinPaid


class Draw(TimestampedModel):
    """One lucky draw. `terms` are the draft's; members spin the version that was published last.

    The row is what every batch of spins locks: it holds where the sequence, the chain and the commitments have come to.
    `day` is the newest business day that was opened, and `last_at` the newest instant: neither goes back with a clock.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", on_delete=fields.RESTRICT, related_name="draws"
    )
    code = fields.CharField(max_length=64, unique=True)
    keyword = fields.CharField(max_length=32, default="")  # 抽奖 <keyword> in chat
    state = WordField(DrawState, default=DrawState.DRAFT)
    version = CountField(default=0)  # of what is published; 0: nothing yet
    terms = JsonField(default=dict)
    opens_at = UtcField(null=True)
    closes_at = UtcField(null=True)
    last_sequence = CountField(default=0)
    last_at = UtcField(null=True)
    chain_hash = fields.CharField(max_length=64, default="")
    day = fields.CharField(max_length=10, default="")
    commitment_count = CountField(default=0)
    commitment_hash = fields.CharField(max_length=64, default="")  # of the last one

    class Meta:
        table = "draw"
        indexes = (("state", "organization_id"),)


class DrawVersion(TimestampedModel):
    """What was published: append-only, so that every spin can be looked at under the rules it was made by."""

    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="versions"
    )
    number = CountField()
    terms = JsonField()
    published_by: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="draw_versions"
    )
    published_at = UtcField()

    class Meta:
        table = "draw_version"
        unique_together = (("draw", "number"),)


class DrawPrize(TimestampedModel):
    """How much there is of one prize, and how often it was awarded. Without a limit, `added` and `left` are null.

    added + returned = left + awarded, always; `left` never passes zero (invariant I3). `day_count` of them on `day`.
    """

    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="prizes"
    )
    code = fields.CharField(max_length=32)
    added_count: fields.Field[int | None] = CountField(null=True)
    left_count: fields.Field[int | None] = CountField(null=True)
    returned_count = CountField(default=0)  # things that nobody asked for in time
    awarded_count = CountField(default=0)
    day = fields.CharField(max_length=10, default="")
    day_count = CountField(default=0)

    class Meta:
        table = "draw_prize"
        unique_together = (("draw", "code"),)


class DrawStockChange(TimestampedModel):
    """What was added to a prize's stock or taken from it, and by whom; nobody: by the house. Append-only."""

    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="stock_changes"
    )
    code = fields.CharField(max_length=32)
    delta = fields.IntField()
    reason = fields.CharField(max_length=200, default="")
    operator: fields.ForeignKeyNullableRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", null=True, on_delete=fields.RESTRICT, related_name="draw_stock_changes"
    )

    class Meta:
        table = "draw_stock_change"
        indexes = (("draw_id", "id"),)


class DrawPlayer(TimestampedModel):
    """One member in one draw: what pity and caps count, and how many of today's free spins are used.

    Written under the lock of the draw's row, and only where `spins` still stands where it was read.
    """

    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="players"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="draws_played"
    )
    spins = CountField(default=0)
    since = CountField(default=0)  # spins since the last prize that pity speaks of
    wins = JsonField(default=dict)  # {prize: how many}
    day = fields.CharField(max_length=10, default="")  # what the next two count
    free_used = CountField(default=0)
    wins_today = JsonField(default=dict)

    class Meta:
        table = "draw_player"
        unique_together = (("draw", "member"),)


class DrawBlock(TimestampedModel):
    """A member who gets the consolation and nothing else, in every draw."""

    member: fields.OneToOneRelation[Member] = fields.OneToOneField(
        "models.Member", on_delete=fields.RESTRICT, related_name="draw_block"
    )
    reason = fields.CharField(max_length=200)
    operator: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="draw_blocks"
    )

    class Meta:
        table = "draw_block"


class DrawDay(TimestampedModel):
    """The seed of one draw for one business day: its hash is public before the first spin, itself after the last."""

    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="days"
    )
    day = fields.CharField(max_length=10)
    seed_cipher = fields.TextField()
    seed_hash = fields.CharField(max_length=64)
    committed_at = UtcField()
    revealed_at = UtcField(null=True)
    seed = fields.CharField(max_length=64, default="")  # hex, once revealed

    class Meta:
        table = "draw_day"
        unique_together = (("draw", "day"),)


class DrawCommitment(TimestampedModel):
    """What the house bound itself to from one spin on: a day's seed, the rules, the stock. Append-only.

    `document` is the canonical text whose SHA-256 is `hash`, and names the commitment before it.
    """

    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="commitments"
    )
    number = CountField()  # 0, 1, 2, ... without gaps
    day = fields.CharField(max_length=10)
    sequence = CountField()  # the first spin that it rules
    kind = fields.CharField(max_length=16)
    document = fields.TextField()
    hash = fields.CharField(max_length=64)
    committed_at = UtcField()

    class Meta:
        table = "draw_commitment"
        unique_together = (("draw", "number"),)


class Spin(TimestampedModel):
    """One turn of the wheel: what was rolled, what was awarded, and the chain that ties it to the one before.

    Append-only. The sequence of a draw is 1, 2, 3, ... without gaps. Spins of one request share `act_id`.
    """

    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="spins"
    )
    sequence = CountField()
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="spins"
    )
    act_id = fields.UUIDField()
    day = fields.CharField(max_length=10)
    commitment = CountField()  # the number of the one that ruled it
    rolled = fields.CharField(max_length=32)
    awarded = fields.CharField(max_length=32)
    paid_by = WordField(SpinPaid)
    points = FenField(default=0)
    row = fields.TextField()  # as the public log has it: what the spin found and what it gave, canonical
    chain_hash = fields.CharField(max_length=64)  # of the one before and this row
    claim: fields.ForeignKeyNullableRelation[Claim] = fields.ForeignKeyField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="spins"
    )
    happened_at = UtcField()

    class Meta:
        table = "spin"
        unique_together = (("draw", "sequence"),)
        indexes = (("member_id", "draw_id", "sequence"),)


class Parcel(TimestampedModel):
    """A thing that somebody won: it wants an address until `deadline_at`, then it goes back to the stock."""

    spin: fields.OneToOneRelation[Spin] = fields.OneToOneField(
        "models.Spin", on_delete=fields.RESTRICT, related_name="parcel"
    )
    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="parcels"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="parcels"
    )
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    state = WordField(ParcelState, default=ParcelState.WAITING)
    address_cipher = fields.TextField(default="")
    deadline_at = UtcField()
    waybill = fields.CharField(max_length=64, default="")
    sent_at = UtcField(null=True)
    reminded_at = UtcField(null=True)  # once, before the deadline

    class Meta:
        table = "parcel"
        indexes = (("member_id", "id"), ("draw_id", "state"))


class DuePrize(TimestampedModel):
    """A benefit that somebody won and that asks something of them first: a number to charge, or what of a package.

    It is theirs from the spin on: until `deadline_at` they may say it and get the claim, after that it goes back to the
    stock. `claim` is the newest one: where a top-up came to nothing the prize waits again, and that claim is revoked.
    """

    spin: fields.OneToOneRelation[Spin] = fields.OneToOneField(
        "models.Spin", on_delete=fields.RESTRICT, related_name="due_prize"
    )
    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="due_prizes"
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT, related_name="due_prizes"
    )
    offer: fields.ForeignKeyRelation[Offer] = fields.ForeignKeyField(
        "models.Offer", on_delete=fields.RESTRICT, related_name="due_prizes"
    )
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    state = WordField(DuePrizeState, default=DuePrizeState.WAITING)
    deadline_at = UtcField()
    claim: fields.OneToOneNullableRelation[Claim] = fields.OneToOneField(
        "models.Claim", null=True, on_delete=fields.RESTRICT, related_name="due_prize"
    )
    reminded_at = UtcField(null=True)  # once, before the deadline; anew when it waits again

    class Meta:
        table = "due_prize"
        indexes = (("member_id", "id"), ("state", "deadline_at"), ("offer_id", "state"))


class DrawSimulation(TimestampedModel):
    """What an operator was told before they published: the plan, and the report of what would come of it. Append-only.

    `rules_hash` names the rules that were simulated, as commitments do.
    """

    draw: fields.ForeignKeyRelation[Draw] = fields.ForeignKeyField(
        "models.Draw", on_delete=fields.RESTRICT, related_name="simulations"
    )
    operator: fields.ForeignKeyRelation[Operator] = fields.ForeignKeyField(
        "models.Operator", on_delete=fields.RESTRICT, related_name="draw_simulations"
    )
    rules_hash = fields.CharField(max_length=64)
    plan = JsonField()
    report = JsonField()

    class Meta:
        table = "draw_simulation"
        indexes = (("draw_id", "id"),)
