"""Ids and queue numbers: standard, ordered by time, never twice."""

from uuid import UUID

from communication_agent.clock import unix_micros
from communication_agent.ids import id_prefix, new_id, new_seq


def test_ids_are_uuids_of_version_7_and_carry_their_millisecond() -> None:
    before = unix_micros() // 1000
    one = new_id()
    after = unix_micros() // 1000

    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    assert before <= one.int >> 80 <= after


def test_ten_thousand_ids_are_all_different() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_a_prefix_and_a_row_number_make_a_uuid_of_version_7() -> None:
    prefix = id_prefix()
    ids = [UUID(hex=f"{prefix}{number:08x}") for number in (1, 2, 0xFFFFFFFF)]

    assert {one.version for one in ids} == {7}
    assert ids == sorted(ids)


def test_queue_numbers_grow_and_fit_a_bigint() -> None:
    first, second = new_seq(), new_seq()

    assert first <= second < 2**63
