"""The key's promises: strong or refused, made once, and what is sealed opens only with it and only where it belongs."""

import base64
import secrets
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communication_agent.errors import Exit, Problem
from communication_agent.keys import Keys, derive, load_keys, reseal, seal, unseal
from support.central import config_for

ONE = Keys(derive(bytes(range(32)).hex(), "a test"))
TWO = Keys(derive(bytes(range(1, 33)).hex(), "a test"))


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_sealed_opens_as_it_was(plain: bytes, context: str) -> None:
    assert unseal(ONE, seal(ONE, plain, context), context) == plain


def test_the_same_secret_never_looks_the_same_twice() -> None:
    assert seal(ONE, b"password", "elm") != seal(ONE, b"password", "elm")


@given(st.data())
def test_no_altered_byte_goes_unnoticed(data: st.DataObject) -> None:
    sealed = bytearray(seal(ONE, b"password", "elm"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Problem, match="CA-306"):
        unseal(ONE, bytes(sealed), "elm")


@pytest.mark.parametrize("length", [0, 1, 8, 9, 20, 21, 30])
def test_what_is_cut_off_does_not_open(length: int) -> None:
    with pytest.raises(Problem, match="CA-306"):
        unseal(ONE, seal(ONE, b"password", "elm")[:length], "elm")


def test_a_secret_of_one_tenant_does_not_open_for_another() -> None:
    with pytest.raises(Problem, match="elm2"):
        unseal(ONE, seal(ONE, b"password", "elm"), "elm2")


def test_another_key_is_named_by_its_id() -> None:
    with pytest.raises(Problem) as problem:
        unseal(TWO, seal(ONE, b"password", "elm"), "elm")
    assert problem.value.exit == Exit.CONFIGURATION
    assert ONE.key_id in problem.value.why
    assert TWO.key_id in problem.value.why


def test_an_older_key_still_opens_and_resealing_moves_to_the_new_one() -> None:
    both = Keys(TWO.current, (ONE.current,))
    old = seal(ONE, b"password", "elm")
    assert unseal(both, old, "elm") == b"password"
    new = reseal(both, old, "elm")
    assert unseal(TWO, new, "elm") == b"password"
    assert reseal(both, new, "elm") == new


def test_the_subkeys_have_nothing_in_common() -> None:
    key = ONE.current
    assert len({key.encryption, key.signing, key.hashing, bytes(range(32))}) == 4
    assert key.id not in key.encryption


def test_a_key_does_not_show_itself() -> None:
    for part in (ONE.current.encryption, ONE.current.signing, ONE.current.hashing):
        assert repr(part) not in repr(ONE)


def test_hex_and_every_spelling_of_base64_are_the_same_key() -> None:
    raw = secrets.token_bytes(32)
    standard = base64.b64encode(raw).decode()
    spellings = [
        raw.hex(),
        raw.hex().upper(),
        standard,
        standard.rstrip("="),
        base64.urlsafe_b64encode(raw).decode(),
        f" {standard}\n",
    ]
    assert len({derive(text, "a test") for text in spellings}) == 1


@pytest.mark.parametrize(
    "weak",
    [
        "",
        "short",
        "nineteen letters ok",
        "changeme",
        "please-change-me-before-production",
        "your-secret-key-goes-here-1234567890abcdefgh",
        "replace-this-with-32-random-bytes!",
        "my dog likes xxxxxx very much",
        "correct horse password staple",
        "ababababababababababababababab",
        "0" * 64,
        "ab" * 32,
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"\x01\x02" * 16).decode(),
    ],
)
def test_a_key_that_others_could_guess_is_refused(weak: str) -> None:
    with pytest.raises(Problem) as problem:
        derive(weak, "COMMUNICATION_AGENT_KEY")
    assert problem.value.code == "CA-306"
    assert not weak or weak not in "".join(problem.value.lines)


@pytest.mark.parametrize(
    "good",
    ["correct horse battery staple", "Zwölf Boxkämpfer jagen Viktor", secrets.token_hex(32), secrets.token_urlsafe(32)],
    ids=["words", "umlauts", "hex", "base64"],
)
def test_a_passphrase_or_random_bytes_are_accepted(good: str) -> None:
    assert derive(good, "a test") == derive(good, "a test")


def test_no_random_key_is_taken_for_a_placeholder() -> None:
    for _ in range(2000):
        assert derive(base64.b64encode(secrets.token_bytes(32)).decode(), "a test")


def test_without_a_setting_a_key_file_is_made_that_only_its_owner_reads(tmp_path: Path) -> None:
    config = config_for(None, tmp_path / "home").model_copy(update={"communication_agent_key": None})
    keys = load_keys(config)
    file = tmp_path / "home" / "key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_keys(config) == keys
    assert [path.name for path in file.parent.iterdir()] == ["key"]


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    config = config_for(None, tmp_path).model_copy(update={"communication_agent_key": None})
    load_keys(config)
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(Problem) as problem:
        load_keys(config)
    assert problem.value.code == "CA-306"
    assert problem.value.do == f"chmod 600 {tmp_path / 'key'}"


def test_a_key_file_that_is_none_is_refused(tmp_path: Path) -> None:
    config = config_for(None, tmp_path).model_copy(update={"communication_agent_key": None})
    for content in (b"", b"\xff\xfe", b"changeme"):
        (tmp_path / "key").write_bytes(content)
        (tmp_path / "key").chmod(0o600)
        with pytest.raises(Problem, match="CA-306"):
            load_keys(config)


def test_of_many_that_find_no_key_file_all_get_the_same(tmp_path: Path) -> None:
    config = config_for(None, tmp_path).model_copy(update={"communication_agent_key": None})
    found: list[str] = []
    gate = threading.Barrier(8)

    def load() -> None:
        gate.wait(10)
        found.append(load_keys(config).key_id)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_setting_wins_over_the_file(tmp_path: Path) -> None:
    config = config_for(None, tmp_path)
    assert load_keys(config) == ONE
    assert not (tmp_path / "key").exists()


def test_additional_keys_only_open(tmp_path: Path) -> None:
    keys = load_keys(config_for(None, tmp_path), [bytes(range(1, 33)).hex()])
    assert keys == Keys(ONE.current, TWO.all)
    assert seal(keys, b"x", "elm")[1:9] == ONE.current.id
