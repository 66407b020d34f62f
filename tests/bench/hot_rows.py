"""A hot offer reduced to its rows, in a scratch schema: one stock, a claim for each member, its request, its job."""

from tortoise import Model, fields

from models.database import Both

STOCK = 1_000_000_000
THE_STOCK = 1  # its id

_TABLES = """
    CREATE TABLE hot_stock (id integer PRIMARY KEY, units_left bigint NOT NULL CHECK (units_left >= 0));
    CREATE TABLE hot_claim (
        id {uuid} PRIMARY KEY, made_at {instant} NOT NULL, stock_id integer NOT NULL, member bigint NOT NULL,
        UNIQUE (stock_id, member)
    );
    CREATE TABLE hot_request (
        id {uuid} PRIMARY KEY, made_at {instant} NOT NULL, member bigint NOT NULL, key varchar(64) NOT NULL,
        claim_id {uuid} NOT NULL, UNIQUE (member, key)
    );
    CREATE TABLE hot_job (
        id {uuid} PRIMARY KEY, made_at {instant} NOT NULL, kind varchar(64) NOT NULL, key varchar(191) NOT NULL UNIQUE,
        payload {json} NOT NULL, run_at {instant} NOT NULL
    );
    INSERT INTO hot_stock VALUES ({stock}, {units});
"""
# $1 member, $2 key, $3 the claim's id, $4 the request's, $5 the job's. The stock comes last, so that its lock is short.
_FUNCTION = f"""
    CREATE FUNCTION hot_take(bigint, text, uuid, uuid, uuid) RETURNS uuid LANGUAGE plpgsql AS $$
    DECLARE known uuid;
    BEGIN
        INSERT INTO hot_request VALUES ($4, now(), $1, $2, $3) ON CONFLICT (member, key) DO NOTHING;
        IF NOT FOUND THEN
            SELECT claim_id INTO known FROM hot_request WHERE member = $1 AND key = $2;
            RETURN known;
        END IF;
        INSERT INTO hot_claim VALUES ($3, now(), {THE_STOCK}, $1);
        INSERT INTO hot_job VALUES ($5, now(), 'say_claimed', 'claimed:' || $3, jsonb_build_object('claim', $3), now());
        UPDATE hot_stock SET units_left = units_left - 1 WHERE id = {THE_STOCK};
        RETURN $3;
    END $$
"""
TABLES = Both(
    postgres=_TABLES.format(uuid="uuid", instant="timestamptz", json="jsonb", stock=THE_STOCK, units=STOCK) + _FUNCTION,
    sqlite=_TABLES.format(uuid="CHAR(36)", instant="TIMESTAMP", json="JSON", stock=THE_STOCK, units=STOCK),
)
# Everything that must be as many: claims, members, requests, jobs; and what is left, where the stock is a row.
AUDIT = """
    SELECT (SELECT units_left FROM hot_stock) AS units_left, (SELECT count(*) FROM hot_claim) AS claims,
        (SELECT count(DISTINCT member) FROM hot_claim) AS members, (SELECT count(*) FROM hot_request) AS requests,
        (SELECT count(*) FROM hot_job) AS jobs
"""


class HotStock(Model):
    """The row that everybody changes."""

    id = fields.IntField(primary_key=True)
    units_left = fields.BigIntField()

    class Meta:
        table = "hot_stock"


class HotClaim(Model):
    """A unit in a member's hands; one for each member."""

    id = fields.UUIDField(primary_key=True)
    made_at = fields.DatetimeField()
    stock_id = fields.IntField()
    member = fields.BigIntField()

    class Meta:
        table = "hot_claim"


class HotRequest(Model):
    """What was answered under which key."""

    id = fields.UUIDField(primary_key=True)
    made_at = fields.DatetimeField()
    member = fields.BigIntField()
    key = fields.CharField(max_length=64)
    claim_id = fields.UUIDField()

    class Meta:
        table = "hot_request"


class HotJob(Model):
    """What is to be done after commit."""

    id = fields.UUIDField(primary_key=True)
    made_at = fields.DatetimeField()
    kind = fields.CharField(max_length=64)
    key = fields.CharField(max_length=191)
    payload = fields.JSONField()
    run_at = fields.DatetimeField()

    class Meta:
        table = "hot_job"
