"""Terms as somebody sent them: read field by field, so that a refusal can name the field."""

import re
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from handlers.codec import NAME, from_json, to_json
from handlers.errors import BenefitTermsInvalid

T = TypeVar("T")

MOST_FEN = 100_000_000  # 1,000,000 yuan: more is a slip of the keyboard
MOST_STORES = 500
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


def read(kind: type[T], data: Any, path: str = "terms") -> T:
    """A dataclass of terms out of JSON values: nothing converted, nothing unknown. Raises BenefitTermsInvalid."""
    if not isinstance(data, dict):
        raise BenefitTermsInvalid(field=path, problem="wrong_type")
    hints, wanted = get_type_hints(kind), {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(data) - set(wanted)):
        # Our own names only: what came is not repeated.
        raise BenefitTermsInvalid(field=path, problem="unknown_field", known=sorted(wanted), count=len(unknown))
    given: dict[str, Any] = {}
    for name, field in wanted.items():
        if name in data:
            given[name] = _value(hints[name], data[name], f"{path}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise BenefitTermsInvalid(field=f"{path}.{name}", problem="missing")
    return kind(**given)


def _value(hint: Any, data: Any, path: str) -> Any:
    if get_origin(hint) is tuple:
        if not isinstance(data, list):  # a text is a sequence too
            raise BenefitTermsInvalid(field=path, problem="wrong_type")
        if is_dataclass(part := get_args(hint)[0]):
            return tuple(read(part, item, f"{path}[{index}]") for index, item in enumerate(data))  # type: ignore[arg-type]
    try:
        return from_json(hint, data)
    except (TypeError, ValueError, KeyError):
        raise BenefitTermsInvalid(field=path, problem="wrong_type") from None


def plain(terms: object) -> dict[str, Any]:
    """Terms as JSON values, as they are stored and shown."""
    bare: dict[str, Any] = _bare(to_json(terms))
    return bare


def _bare(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _bare(value) for name, value in data.items() if name != NAME}
    return [_bare(value) for value in data] if isinstance(data, list) else data


def within(name: str, value: int, least: int, most: int) -> None:
    """Raises BenefitTermsInvalid unless least <= value <= most."""
    if value < least:
        raise BenefitTermsInvalid(field=f"terms.{name}", problem="too_small", least=least)
    if value > most:
        raise BenefitTermsInvalid(field=f"terms.{name}", problem="too_large", most=most)


def showable(name: str, value: str, most: int, *, least: int = 0) -> None:
    """A text that is shown to people: so many characters, none of them control characters.

    Raises BenefitTermsInvalid.
    """
    if not least <= len(value) <= most or value != value.strip():
        raise BenefitTermsInvalid(field=f"terms.{name}", problem="wrong_length", least=least, most=most)
    if _UNSHOWABLE.search(value):
        raise BenefitTermsInvalid(field=f"terms.{name}", problem="unshowable")


def a_code(name: str, value: str) -> None:
    """Raises BenefitTermsInvalid unless it is what codes look like."""
    if not _CODE.fullmatch(value):
        raise BenefitTermsInvalid(field=f"terms.{name}", problem="not_a_code")


def store_codes(stores: tuple[str, ...]) -> None:
    """The stores of a merchant that redeem it. Raises BenefitTermsInvalid."""
    if len(stores) > MOST_STORES:
        raise BenefitTermsInvalid(field="terms.stores", problem="wrong_length", least=0, most=MOST_STORES)
    for index, code in enumerate(stores):
        a_code(f"stores[{index}]", code)
    if len(set(stores)) < len(stores):
        raise BenefitTermsInvalid(field="terms.stores", problem="repeated")
