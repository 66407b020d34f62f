"""What was just proven of a person, and the rows that keep it: identifiers by hash and cipher, events with neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from handlers.identity.identity_events import value_mark
from handlers.ports import Vault
from handlers.rules.identity import Decision, Key
from models.ids import new_id
from models.words import IdentityAct, Namespace


@dataclass(frozen=True, slots=True)
class Proof:
    """One identifier that was just proven, with its value."""

    namespace: Namespace
    scope: str
    value: str
    proven_by: str

    def key(self, vault: Vault) -> Key:
        """The identifier as it is stored."""
        return key_of(self.namespace, self.scope, self.value, vault)


def key_of(namespace: Namespace, scope: str, value: str, vault: Vault) -> Key:
    """An identifier as it is stored: by keyed hash, one key per namespace."""
    return Key(namespace, scope, vault.blind_index(f"identifier:{namespace}", value))


def wechat_proofs(app_id: str, open_platform: str, openid: str, unionid: str | None) -> list[Proof]:
    """What WeChat says of a user: the openid of this account and, when joined up, the unionid of its platform."""
    proofs = [Proof(Namespace.WX_OPENID, app_id, openid, "wechat")]
    if unionid and open_platform:
        proofs.append(Proof(Namespace.WX_UNIONID, open_platform, unionid, "wechat"))
    return proofs


def identifier_rows(
    member_id: UUID, decision: Decision, proofs: Mapping[Key, Proof], vault: Vault
) -> list[dict[str, Any]]:
    """Of the identifiers that a decision attaches to a member."""
    written = []
    for key in decision.attached:
        identifier_id = new_id()
        written.append(
            {
                "id": str(identifier_id),
                "member_id": str(member_id),
                "namespace": key.namespace,
                "scope": key.scope,
                "value_hash": key.value_hash,
                "value_cipher": vault.encrypt(proofs[key].value, bound_to=bound_to(identifier_id)),
                "verified_by": proofs[key].proven_by,
            }
        )
    return written


def bind_rows(member_id: UUID, decision: Decision, vault: Vault) -> list[dict[str, Any]]:
    """Of the events that tell of them."""
    return [
        event_row(member_id, IdentityAct.BIND, key, value_mark=value_mark(member_id, key.value_hash, vault))
        for key in decision.attached
    ]


def event_row(
    member_id: UUID,
    act: IdentityAct,
    key: Key | None = None,
    *,
    value_mark: str = "",
    other_member_id: str | None = None,
) -> dict[str, Any]:
    """Of one event in a person's identity; it holds no value, so that a deletion can be complete."""
    return {
        "id": str(new_id()),
        "member_id": str(member_id),
        "act": act,
        "namespace": key.namespace if key else None,
        "scope": key.scope if key else "",
        "value_mark": value_mark,
        "other_member_id": other_member_id,
    }


def bound_to(identifier_id: UUID) -> str:
    """What an identifier's cipher is bound to: its own row, which a merge does not change."""
    return f"identifier:{identifier_id}:value"
