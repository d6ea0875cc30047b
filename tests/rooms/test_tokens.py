"""The token's promises: it says whose link it is, nobody makes one up, and it outlives a change of the key."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communication_agent.domain import Channel
from communication_agent.keys import Keys, derive
from communication_agent.tokens import PreferenceToken, address_hash, read, sign

ONE = Keys(derive(bytes(range(32)).hex(), "a test"))
TWO = Keys(derive(bytes(range(1, 33)).hex(), "a test"))
ROTATED = Keys(TWO.current, ONE.all)
TOKEN = PreferenceToken("green-valley", "991", Channel.EMAIL, address_hash(ONE, Channel.EMAIL, "ann@dealer.example"))
SIGNED = sign(ONE, TOKEN)

ids = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60)
tokens = st.builds(PreferenceToken, ids, ids, st.sampled_from(Channel), st.text("0123456789abcdef", min_size=32, max_size=32))


@given(tokens)
def test_what_is_signed_is_read_as_it_was(token: PreferenceToken) -> None:
    assert read(ONE, sign(ONE, token)) == token


@given(st.integers(0, len(SIGNED) - 1), st.characters())
def test_any_altered_character_makes_it_worthless(place: int, character: str) -> None:
    altered = SIGNED[:place] + character + SIGNED[place + 1 :]
    assert (read(ONE, altered) == TOKEN) == (altered == SIGNED)


def test_not_even_the_last_character_has_a_second_spelling() -> None:
    for character in string.ascii_letters + string.digits + "-_=+/":
        assert read(ONE, SIGNED[:-1] + character) == (TOKEN if character == SIGNED[-1] else None)


@given(st.text(max_size=200))
def test_anything_else_is_nothing(text: str) -> None:
    assert read(ONE, text) is None


@pytest.mark.parametrize("text", ["", "A", "A" * 10_000, SIGNED + "=", SIGNED + "A", f" {SIGNED}", SIGNED[:-4], SIGNED[4:]])
def test_what_is_longer_or_shorter_is_nothing(text: str) -> None:
    assert read(ONE, text) is None


def test_a_token_of_another_installation_is_nothing() -> None:
    assert read(TWO, SIGNED) is None


def test_a_link_in_an_old_mail_works_after_the_key_has_changed() -> None:
    assert read(ROTATED, SIGNED) == TOKEN
    assert read(TWO, sign(ROTATED, TOKEN)) == TOKEN


def test_it_stands_in_a_link_as_it_is_and_is_short() -> None:
    assert quote(SIGNED, safe="") == SIGNED
    assert len(SIGNED) <= 90


def test_a_token_that_could_not_be_read_again_is_not_signed() -> None:
    for token in (PreferenceToken("a\x00b", "1", Channel.SMS, "0" * 32), PreferenceToken("a", "1", Channel.SMS, "no hash")):
        with pytest.raises(ValueError, match="NUL"):
            sign(ONE, token)


@pytest.mark.parametrize("spelling", ["Ann@Dealer.Example", " ann@dealer.example ", "ANN@DEALER.EXAMPLE"])
def test_every_spelling_of_a_mail_address_has_one_hash(spelling: str) -> None:
    assert address_hash(ONE, Channel.EMAIL, spelling) == TOKEN.address_hash


@pytest.mark.parametrize("spelling", ["(614) 555-0142", "614.555.0142", "+1 614 555 0142", "1-614-555-0142"])
def test_every_spelling_of_a_number_has_one_hash(spelling: str) -> None:
    assert address_hash(ONE, Channel.SMS, spelling) == address_hash(ONE, Channel.SMS, "+16145550142")


def test_a_hash_tells_channels_addresses_and_installations_apart() -> None:
    hashes = {
        address_hash(keys, channel, address)
        for keys in (ONE, TWO)
        for channel in Channel
        for address in ("+16145550142", "+16145550143")
    }
    assert len(hashes) == 8
    assert all(len(found) == 32 for found in hashes)


def test_a_hash_stays_when_the_key_changes_because_the_address_may_be_gone() -> None:
    assert address_hash(ROTATED, Channel.EMAIL, "ann@dealer.example") == TOKEN.address_hash
