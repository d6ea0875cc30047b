"""`customers`, `pause` and `resume`: who wants what, and the big red button; effective at once."""

from support.command import MONDAY, Comma

NOW = ("--json", "--now", MONDAY)
LATER = ("--json", "--now", "2026-11-23T10:05:00-05:00")


def _karen(comma: Comma) -> tuple[object, object]:
    row = next(row for row in comma("messages", "list", *NOW).rows if row["customer_id"] == "991")
    return row["outcome"], row["reason"]


def test_a_customer_is_found_by_a_part_of_the_name(hilltop: Comma) -> None:
    rows = hilltop("customers", "find", "aren Smi", *NOW).rows
    assert [(row["customer_id"], row["name"]) for row in rows] == [("991", "Karen Smith")]
    assert "karen.smith@mailbox.example" in str(rows[0]["emails"])
    assert hilltop("customers", "find", "Nobody Atall", *NOW).document == []


def test_who_opted_out_of_marketing_gets_none_and_still_gets_receipts(hilltop: Comma) -> None:
    ran = hilltop("customers", "optout", "Karen Smith", "--channel", "email", "--words", "no more mail please", *NOW)
    wishes = ran.fields["wishes"]
    assert isinstance(wishes, list)
    assert {(w["channel"], w["purpose"], w["granted"], w["words"]) for w in wishes} == {
        ("email", "marketing", False, "no more mail please")
    }
    hilltop("run", "--once", *NOW)
    assert _karen(hilltop) == ("skipped", "suppressed")
    found = hilltop("explain", "991", "annual_tuneup", *NOW).fields
    assert found["verdict"] == "skip"


def test_who_opts_in_again_hears_from_us(hilltop: Comma) -> None:
    hilltop("customers", "optout", "991", "--channel", "email", "--purpose", "all", *NOW)
    assert hilltop("explain", "991", "annual_tuneup", *NOW).fields["reason"] == "suppressed"
    hilltop("customers", "optin", "991", "--channel", "email", "--purpose", "all", *LATER)
    assert hilltop("explain", "991", "annual_tuneup", *LATER).fields["verdict"] == "send"


def test_a_no_is_recorded_even_where_there_is_no_address_yet(hilltop: Comma, dealer_dsn: str) -> None:
    nobody = next(row for row in hilltop("customers", "find", "a", *NOW).rows if not row["phones"])
    ran = hilltop("customers", "optout", nobody["customer_id"], "--channel", "sms", "--purpose", "all", *NOW)
    assert ran.code == 0
    assert isinstance(ran.fields["wishes"], list)
    assert len(ran.fields["wishes"]) == 1


def test_a_pause_of_everything_stops_everything_and_nothing_is_lost(hilltop: Comma) -> None:
    paused = hilltop("pause", "--reason", "wrong prices", *NOW).rows
    assert [(row["tenant"], row["scope"], row["reason"]) for row in paused] == [("*", "all", "wrong prices")]
    hilltop("run", "--once", *NOW)
    assert _karen(hilltop) == ("waiting", "all_paused")
    assert hilltop("resume", *NOW).document == []
    hilltop("run", "--once", *LATER)
    assert _karen(hilltop) == ("sent", None)


def test_a_pause_of_one_dealer_type_or_channel_stops_just_that(hilltop: Comma) -> None:
    hilltop("tenants", "pause", "hilltop", "--type", "annual_tuneup", *NOW)
    hilltop("run", "--once", *NOW)
    assert _karen(hilltop) == ("waiting", "type_paused")
    others = [row for row in hilltop("messages", "list", *NOW).rows if row["communication"] != "annual_tuneup"]
    assert "sent" in {row["outcome"] for row in others}
    hilltop("tenants", "resume", "hilltop", "--type", "annual_tuneup", *NOW)
    hilltop("run", "--once", *LATER)
    assert _karen(hilltop) == ("sent", None)


def test_resuming_what_was_not_paused_says_so(hilltop: Comma) -> None:
    assert "Nothing was paused there" in hilltop("resume", "--tenant", "hilltop").out


def test_a_paused_dealer_is_shown_as_paused(hilltop: Comma) -> None:
    hilltop("pause", "--tenant", "hilltop", "--channel", "sms", *NOW)
    assert [row["paused"] for row in hilltop("tenants", "list", *NOW).rows] == [False], "only a channel"
    hilltop("pause", "--tenant", "hilltop", *NOW)
    assert [row["paused"] for row in hilltop("tenants", "list", *NOW).rows] == [True]
