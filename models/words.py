"""The closed lists of words that rows may hold. Importable by everyone; never renamed, because migrations name them."""

from enum import StrEnum

from models.carrier_words import *  # noqa: F403 - the words of a room each
from models.checkin_words import *  # noqa: F403
from models.co_brand_words import *  # noqa: F403
from models.distribution_words import *  # noqa: F403
from models.draw_words import *  # noqa: F403
from models.ledger_words import *  # noqa: F403
from models.level_words import *  # noqa: F403
from models.order_words import *  # noqa: F403
from models.outside_words import *  # noqa: F403
from models.payout_words import *  # noqa: F403
from models.plan_words import *  # noqa: F403
from models.purchase_words import *  # noqa: F403
from models.reconciliation_words import *  # noqa: F403
from models.settlement_words import *  # noqa: F403
from models.withdrawal_words import *  # noqa: F403


class AccountKind(StrEnum):
    """What kind of WeChat account a row is."""

    OFFICIAL_ACCOUNT = "official_account"
    MINI_PROGRAM = "mini_program"


class AccountMode(StrEnum):
    """How the platform pushes messages to this account: 明文, 兼容, 安全."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"
    SAFE = "safe"


class MemberStatus(StrEnum):
    """Where a known person stands. Only `active` rows act; `merged` ones point to their canonical member."""

    ACTIVE = "active"
    MERGED = "merged"
    FROZEN = "frozen"
    ERASED = "erased"


class Namespace(StrEnum):
    """What kind of identifier a value is; the rules of each stand in `handlers/rules/namespaces.py`."""

    WX_UNIONID = "wx_unionid"
    WX_OPENID = "wx_openid"
    PHONE = "phone"
    TMALL_OMID = "tmall_omid"  # of a brand
    TMALL_OUID = "tmall_ouid"  # of a shop
    DOUYIN = "douyin"
    JD = "jd"
    YOUZAN = "youzan"
    POS_MEMBER = "pos_member"  # the number by which a till knows its member
    ERP_ID = "erp_id"
    DEVICE = "device"
    COOKIE = "cookie"


class IdentifierStatus(StrEnum):
    """Active identifiers identify; revoked ones are history."""

    ACTIVE = "active"
    REVOKED = "revoked"


class IdentityAct(StrEnum):
    """What happened to the identity of a person."""

    CREATE = "create"
    BIND = "bind"
    UNBIND = "unbind"
    TRANSFER = "transfer"
    MERGE = "merge"
    UNMERGE = "unmerge"
    ERASE = "erase"
    CONFLICT = "conflict"
    BLOCK = "block"


class ConsentPurpose(StrEnum):
    """What a person agrees to. `membership` is needed to join, all others are free."""

    MEMBERSHIP = "membership"
    MARKETING = "marketing"
    PHONE = "phone"
    SHARING = "sharing"
    PROFILES = "profiles"


class Touchpoint(StrEnum):
    """Through which door something was said or done."""

    CHAT = "chat"
    MINI_PROGRAM = "mini_program"


class JobState(StrEnum):
    """Life of a job: ready -> running -> done, or dead after its last try."""

    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class CardStatus(StrEnum):
    """Life of a card number: unbound -> bound, lost; bound -> unbound, lost, replaced; lost -> found, replaced."""

    UNBOUND = "unbound"
    BOUND = "bound"
    LOST = "lost"
    REPLACED = "replaced"
    ERASED = "erased"  # its holder left, and the number with them; from any state, and for good


class ImportState(StrEnum):
    """How far an import has come."""

    RUNNING = "running"
    DONE = "done"


class TicketPurpose(StrEnum):
    """What a single-use ticket opens."""

    LINK = "link"  # joins another channel to the member who made it
    BIND_CARD = "bind_card"  # continues in the mini-program what the chat began


class ReviewState(StrEnum):
    """A case for people: open until somebody decides."""

    OPEN = "open"
    DONE = "done"
    DISMISSED = "dismissed"


class ReviewKind(StrEnum):
    """Why a case needs a person."""

    CONFLICT = "conflict"  # an identifier that belongs to somebody else was shown
    SAME_PERSON = "same_person"  # two members that are perhaps one
    FUSE = "fuse"  # more merges or identifiers than one person has
    CARD_HELD = "card_held"  # a card that is bound to another member, its ownership proven


class OperatorRole(StrEnum):
    """What an operator may do, within the own organization and below."""

    ADMIN = "admin"
    OPERATOR = "operator"
    SUPPORT = "support"
    FINANCE = "finance"


class ReplyTrigger(StrEnum):
    """What makes an operator's reply speak."""

    EXACT = "exact"
    CONTAINS = "contains"
    SCENE = "scene"
    FOLLOW = "follow"


class ReplyKind(StrEnum):
    """What a reply is."""

    TEXT = "text"
    ARTICLE = "article"
    MINI_PROGRAM = "mini_program"


class OrganizationKind(StrEnum):
    """What an organization is. Departments of a province stand beside its cities."""

    OPERATOR = "operator"
    PROVINCE = "province"
    CITY = "city"
    DEPARTMENT = "department"


class MerchantTier(StrEnum):
    """How near a merchant is to the operator."""

    CLOSE = "close"
    ORDINARY = "ordinary"


class MerchantAccess(StrEnum):
    """How a merchant's benefits come in."""

    OWN_VOUCHER = "own_voucher"
    INTERMEDIARY = "intermediary"  # a supplier through an intermediary
    DIRECT_SUPPLY = "direct_supply"


class ClerkRole(StrEnum):
    """What a clerk may do in the own stores."""

    CLERK = "clerk"
    MANAGER = "manager"


class BenefitKind(StrEnum):
    """How a benefit reaches whoever claimed it."""

    VOUCHER = "voucher"  # redeemed in a store: whole, in n uses, or in stored units
    CODE_COUPON = "code_coupon"  # a third party's code from a pool that was imported
    TOP_UP = "top_up"  # charged to a phone number by a supplier
    PARTNER_COUPON = "partner_coupon"  # 生态券: a small spending voucher, its cost shared
    PACKAGE = "package"  # several of the others
    POINTS = "points"  # credited with the claim


class BenefitState(StrEnum):
    """How far a benefit has come: draft, review, pool; retired benefits make no new offers."""

    DRAFT = "draft"
    REVIEW = "review"
    POOL = "pool"
    RETIRED = "retired"


class OfferState(StrEnum):
    """Whether an offer can be had."""

    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"
    ENDED = "ended"


class ClaimState(StrEnum):
    """Where a claim stands; `handlers/rules/claim_states.py` has the graph."""

    PENDING = "pending"  # being fulfilled by somebody else
    ISSUED = "issued"
    PARTLY_USED = "partly_used"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"
    TRANSFERRED = "transferred"


class ClaimSource(StrEnum):
    """How a claim came to be."""

    MINI_PROGRAM = "mini_program"
    CHAT = "chat"
    GRANT = "grant"  # an operator gave it
    PACKAGE = "package"
    LEVEL = "level"  # it came with a level
    REWARD = "reward"  # for a check-in or a task
    DRAW = "draw"  # won
    CHANNEL = "channel"  # a till, shop or app asked for it on the member's behalf
    ORDER = "order"  # paid for in money


class FulfillmentState(StrEnum):
    """Where an order at a supplier stands; `handlers/rules/fulfillment_states.py` has the graph."""

    WAITING = "waiting"  # its number is made, nothing was sent
    SENT = "sent"  # sent, or perhaps: nobody knows what became of it
    ACCEPTED = "accepted"  # the supplier says that it is at it
    DONE = "done"
    FAILED = "failed"  # the supplier says that it will not happen; unit and slots went back
    REPLACED = "replaced"  # the same, and another supplier was asked
    CANCELLED = "cancelled"  # withdrawn before anything was sent


class FulfillmentAct(StrEnum):
    """How something was heard of an order."""

    ORDER = "order"
    QUERY = "query"
    NOTICE = "notice"
    HAND = "hand"  # two operators said what became of it, after a long silence


class Heard(StrEnum):
    """What a supplier says of an order."""

    ACCEPTED = "accepted"
    DONE = "done"
    FAILED = "failed"  # explicitly: it did not happen and will not
    ABSENT = "absent"  # explicitly: no such order came in
    UNKNOWN = "unknown"  # no answer, or one that says nothing


class RedemptionKind(StrEnum):
    """A redemption row is never edited: taking one back is a row of its own."""

    REDEEM = "redeem"
    REVERSAL = "reversal"


class ScanMode(StrEnum):
    """Whether a clerk's device was connected."""

    ONLINE = "online"
    OFFLINE = "offline"


class ScanOutcome(StrEnum):
    """What became of a scan that a device made without a network."""

    ACCEPTED = "accepted"
    CONFLICT = "conflict"  # something else was given for the same claim, and counts
    REJECTED = "rejected"


class VoidOutcome(StrEnum):
    """What became of a manager's wish to have a claim voided."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"  # nobody decided in time


class EntryKind(StrEnum):
    """What a line of a statement is about: a redemption row, a second hand-over that is paid, a sale, a plan's fee."""

    REDEEM = "redeem"
    REVERSAL = "reversal"
    CONFLICT = "conflict"
    SALE = "sale"
    SALE_REFUND = "sale_refund"
    PLAN_SHARE = "plan_share"
    PLAN_SHARE_REFUND = "plan_share_refund"


class PausedKind(StrEnum):
    """What operators can pause or switch off so that nothing of it is claimed or redeemed."""

    BENEFIT = "benefit"
    OFFER = "offer"
    MERCHANT = "merchant"


class ConflictDecision(StrEnum):
    """Who bears what was handed over a second time: nobody has said, the merchant, or the operator."""

    OPEN = "open"
    LOSS = "loss"
    PAID = "paid"


class GrantKind(StrEnum):
    """What happens to the members of a list."""

    GRANT = "grant"  # they get an offer
    UNDO = "undo"  # what an earlier list gave them and they did not use is taken back


class GrantState(StrEnum):
    """How far a list has come: reading -> checked -> proposed -> running -> done; stopped from any of these.

    One that was stopped while it was running may go on running.
    """

    READING = "reading"
    CHECKED = "checked"
    PROPOSED = "proposed"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    REJECTED = "rejected"


class GrantRowState(StrEnum):
    """What became of one line."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
