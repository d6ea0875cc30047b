"""The promises of named SQL blocks: each says why it is there, and a malformed file is told at once."""

import pytest

from communication_agent.db.statements import FOLDER, nouns, parse, statements

TWO = """-- name: first
-- Why the first is there.
-- fanout: all tenants at once
SELECT 1 -- with a remark
FROM x;

-- name: second
-- why: Why the second is there.
SELECT %(a)s
"""


def test_blocks_are_found_by_name_with_their_why_and_their_marks() -> None:
    blocks = parse(TWO)
    assert list(blocks) == ["first", "second"]
    assert blocks["first"].why == "Why the first is there."
    assert blocks["first"].fanout == "all tenants at once"
    assert blocks["first"].text == "SELECT 1 -- with a remark\nFROM x"
    assert blocks["second"].why == "Why the second is there."
    assert blocks["second"].fanout is None
    assert not blocks["second"].dealer


def test_a_mark_before_the_first_block_holds_for_the_file() -> None:
    assert all(block.dealer for block in parse("-- dealer: somebody else's database\n" + TWO).values())


def test_a_percent_sign_in_a_comment_reaches_nobody() -> None:
    assert parse("-- name: a\n-- 100% of it.\n-- 50 %s\nSELECT 1")["a"].text == "SELECT 1"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("-- name: a\nSELECT 1", "a: the line after its name has to say why"),
        ("-- name: a\n-- fanout: everybody\nSELECT 1", "a: the line after its name has to say why"),
        ("-- name: a\n--\nSELECT 1", "a: the line after its name has to say why"),
        ("-- name: a\n-- why:\nSELECT 1", "a: the line after its name has to say why"),
        ("-- name: a\n-- Because.\n", "a: is empty"),
        (TWO + "-- name: first\n-- Again.\nSELECT 2", "first: stands there twice"),
        ("-- name: a\n-- Because.\n-- fan_out: typing error\nSELECT 1", "fan_out is no mark"),
        ("SELECT 0;\n-- name: a\n-- Because.\nSELECT 1", "before its first block"),
    ],
)
def test_a_malformed_file_is_refused_with_the_block_that_is_wrong(source: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(source)


def test_every_file_of_the_package_can_be_read() -> None:
    assert nouns() == sorted(path.stem for path in FOLDER.glob("*.sql"))
    assert all(statements(noun) for noun in nouns())


def test_the_blocks_of_a_noun_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        statements("tenants")["load"] = statements("tenants")["save"]  # pyright: ignore[reportIndexIssue] - that is the test
