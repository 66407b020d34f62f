import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.vault import FieldVault, generate_key, refuse_weak_key
from handlers.ports import VaultError

OLD, NEW, INDEX = generate_key(), generate_key(), generate_key()


@given(st.text(), st.text())
def test_what_was_encrypted_decrypts_in_its_own_row(plain, bound_to):
    vault = FieldVault({"k1": OLD}, INDEX)
    assert vault.decrypt(vault.encrypt(plain, bound_to=bound_to), bound_to=bound_to) == plain


def test_a_value_moved_to_another_row_does_not_decrypt():
    vault = FieldVault({"k1": OLD}, INDEX)
    cipher = vault.encrypt("13800138000", bound_to="identifier:1:value")
    with pytest.raises(VaultError):
        vault.decrypt(cipher, bound_to="identifier:2:value")


def test_the_same_value_never_looks_the_same_twice_and_never_shows():
    vault = FieldVault({"k1": OLD}, INDEX)
    ciphers = {vault.encrypt("13800138000", bound_to="row") for _ in range(100)}
    assert len(ciphers) == 100
    assert not any("13800138000" in cipher for cipher in ciphers)


def test_after_rotation_old_values_decrypt_and_new_ones_stand_under_the_new_key():
    before, after = FieldVault({"k1": OLD}, INDEX), FieldVault({"k2": NEW, "k1": OLD}, INDEX)
    old = before.encrypt("value", bound_to="row")
    assert after.decrypt(old, bound_to="row") == "value"
    new = after.encrypt("value", bound_to="row")
    assert new.startswith("k2.")
    assert after.blind_index("phone", "1") == before.blind_index("phone", "1")


def test_a_value_under_a_key_that_was_taken_away_does_not_decrypt():
    cipher = FieldVault({"k1": OLD}, INDEX).encrypt("value", bound_to="row")
    with pytest.raises(VaultError):
        FieldVault({"k2": NEW}, INDEX).decrypt(cipher, bound_to="row")


def test_another_key_under_the_same_id_does_not_decrypt():
    cipher = FieldVault({"k1": OLD}, INDEX).encrypt("value", bound_to="row")
    with pytest.raises(VaultError):
        FieldVault({"k1": NEW}, INDEX).decrypt(cipher, bound_to="row")


def test_changing_any_character_is_noticed():
    vault = FieldVault({"k1": OLD}, INDEX)
    cipher = vault.encrypt("values of 14 b", bound_to="row")  # 42 bytes: no spare bits in the last character
    for position in range(len("k1."), len(cipher)):
        changed = "A" if cipher[position] != "A" else "B"
        forged = cipher[:position] + changed + cipher[position + 1 :]
        with pytest.raises(VaultError):
            vault.decrypt(forged, bound_to="row")


@pytest.mark.parametrize("cipher", ["", "k1", "k1.", "k1.AAAA", "k1.not base64!", "k1.密文", "nobody.AAAA", "." * 50])
def test_what_is_not_an_encrypted_value_is_refused(cipher):
    with pytest.raises(VaultError):
        FieldVault({"k1": OLD}, INDEX).decrypt(cipher, bound_to="row")


def test_blind_indexes_differ_by_purpose_value_and_key():
    one, other = FieldVault({"k1": OLD}, INDEX), FieldVault({"k1": OLD}, NEW)
    indexes = [one.blind_index("phone", "1"), one.blind_index("openid", "1"), one.blind_index("phone", "2")]
    indexes.append(other.blind_index("phone", "1"))
    assert len(set(indexes)) == 4
    assert all(len(index) == 64 and int(index, 16) for index in indexes)
    assert one.blind_index("phone", "1") == indexes[0]
    assert indexes[0] != hashlib.sha256(b"1").hexdigest()


@pytest.mark.parametrize(
    "weak",
    [
        b"",
        b"x" * 31,
        generate_key() + b"x",
        bytes(32),
        b"\xff" * 32,
        bytes(range(32)),
        bytes(range(64, 32, -1)),
        b"0123456789abcdef0123456789abcdef",
        b"correct horse battery staple !!!",
        b"ab" * 16,
        hashlib.sha256(b"changeme").digest(),
    ],
)
def test_weak_keys_are_refused_without_being_shown(weak):
    with pytest.raises(ValueError) as caught:
        FieldVault({"k1": weak}, INDEX)
    with pytest.raises(ValueError):
        FieldVault({"k1": OLD}, weak)
    assert "k1" in str(caught.value)
    assert not weak or weak.decode("latin-1") not in str(caught.value)


def test_generated_keys_are_never_called_weak():
    for _ in range(2000):
        refuse_weak_key(generate_key(), "key")


@pytest.mark.parametrize("keys", [{}, {"k1": OLD, "k2": OLD}, {"k1": INDEX}, {"k.1": OLD}, {"": OLD}, {"键": OLD}])
def test_missing_repeated_and_badly_named_keys_are_refused(keys):
    with pytest.raises(ValueError):
        FieldVault(keys, INDEX)


def test_keys_never_show_in_what_is_printed():
    vault = FieldVault({"k1": OLD}, INDEX)
    assert repr(OLD) not in repr(vault)
    assert OLD.hex() not in repr(vault)
