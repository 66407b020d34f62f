"""What a password of an operator must be."""

SHORTEST, LONGEST = 12, 128
FEWEST_DIFFERENT = 6
LONG_ENOUGH_WITHOUT_KINDS = 20


def is_acceptable(password: str, *, login: str) -> bool:
    """12 to 128 characters, three of four kinds (or 20 characters), 6 different ones, without the login in it.

    等保 2.0 (GB/T 22239-2019, 8.1.4.1 a) asks for complexity; the length follows NIST SP 800-63B.
    """
    if not SHORTEST <= len(password) <= LONGEST or len(set(password)) < FEWEST_DIFFERENT:
        return False
    if login.lower() in password.lower():
        return False
    kinds = (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    present = sum(any(is_kind(character) for character in password) for is_kind in kinds)
    return present >= 3 or len(password) >= LONG_ENOUGH_WITHOUT_KINDS
