"""The tenant file's promises: a good one is read whole, a bad one is told field by field, and no secret is repeated."""

from pathlib import Path

import pytest

from communication_agent.errors import Exit, Problem
from communication_agent.tenant_file import read_tenant_file

GOOD = """
id = "green-valley"
name = "Green Valley Outdoor Power"
sms_name = "Green Valley"
time_zone = "America/New_York"
languages = ["en", "es"]
phone = "(614) 555-0142"
address = "2100 Mill Road, Delaware, OH 43015"

[database]
dbname = "green_valley"
user = "comm_reader"
password = "secret-word"

[email]
from = "Green Valley <service@greenvalley.example>"
resend_api_key = "re_1"

[quiet_hours]
start = "20:30"
end = "08:00"

[knobs]
GHOST_CUSTOMER_MONTHS = 18

[types]
trade_in_alert = false
"""


def wrong(tmp_path: Path, text: str) -> Problem:
    path = tmp_path / "tenant.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Problem) as problem:
        read_tenant_file(path)
    assert "secret-word" not in "".join(problem.value.lines)
    assert problem.value.__cause__ is None or "secret-word" not in str(problem.value.__cause__)
    return problem.value


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "tenant.toml"
    path.write_text(GOOD, encoding="utf-8")
    tenant = read_tenant_file(path)
    assert tenant.languages == ("en", "es")
    assert tenant.database.password.get_secret_value() == "secret-word"
    assert tenant.email.from_ == "Green Valley <service@greenvalley.example>"
    assert tenant.email.detected == "resend"
    assert tenant.quiet_hours is not None
    assert tenant.quiet_hours.start.isoformat("minutes") == "20:30"
    assert tenant.knobs["GHOST_CUSTOMER_MONTHS"] == 18
    assert not tenant.type_is_on("trade_in_alert")


@pytest.mark.parametrize(
    ("right", "mistake", "told"),
    [
        ('name = "Green Valley Outdoor Power"', "", "name: is missing"),
        ('name = "Green Valley Outdoor Power"', 'name = ""', "name: must not be empty"),
        ('name = "Green Valley Outdoor Power"', "name = 7", "name: has to be a text in quotes"),
        ('"Green Valley"', '"Green Valley of the North"', "sms_name: has to be 16 characters or fewer"),
        ('"green-valley"', '"Green Valley"', "id: has to be small letters"),
        ("America/New_York", "Amerika/New_York", "time_zone: 'Amerika/New_York' is not a time zone"),
        ('["en", "es"]', '["en", "fr"]', "languages.1: has to be 'en' or 'es'"),
        ('["en", "es"]', '"en"', "languages: has to be a list"),
        ('dbname = "green_valley"', 'dbname = "g"\nport = 70000', "database.port: has to be 65535 or less"),
        ('dbname = "green_valley"', 'dbname = "g"\nport = "x"', "database.port: has to be a whole number"),
        ('dbname = "green_valley"', "", "database: needs dbname and user, or embedded = true"),
        ('start = "20:30"', 'start = "late"', "quiet_hours.start: has to be a time"),
        ("trade_in_alert = false", 'trade_in_alert = "perhaps"', "types.trade_in_alert: has to be true or false"),
        ("MONTHS = 18", 'MONTHS = "many"', "knobs.GHOST_CUSTOMER_MONTHS: has to be a whole number"),
        ("[database]", 'sending = "live"\nbrand_color = "green"\n[database]', "brand_color: has to be a color"),
        ("[database]", 'booking_url = "greenvalley.example"\n[database]', "booking_url: has to be an address"),
        ("[database]", 'offer = "10 %"\n[database]', "offer: has to be a section of its own"),
        ("resend_api_key", "resend_key", "email.resend_key: is not known (did you mean email.resend_api_key?)"),
        ("[database]", 'timezone = "UTC"\n[database]', "timezone: is not known (did you mean time_zone?)"),
        ('user = "comm_reader"', 'user = "c"\nreply_to = "x"', "database.reply_to: is not known (did you mean email.reply_to?)"),
        ("[types]", "[zzzzzz]\nq = 1\n[types]", "zzzzzz: is not known"),
        ('from = "Green Valley', 'from = "Green\\nValley', "email.from: must be one line"),
        ("[database]", "[database", "it is not TOML: Expected ']'"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_has_to_be(tmp_path: Path, right: str, mistake: str, told: str) -> None:
    assert right in GOOD
    problem = wrong(tmp_path, GOOD.replace(right, mistake, 1))
    assert (problem.code, problem.exit) == ("CA-301", Exit.CONFIGURATION)
    assert told in problem.why


def test_every_wrong_field_is_named_at_once(tmp_path: Path) -> None:
    problem = wrong(
        tmp_path, GOOD.replace("America/New_York", "Mars").replace('["en", "es"]', "[1]").replace("MONTHS = 18", "M = 1.5")
    )
    assert [line.strip().split(":")[0] for line in problem.why.splitlines()] == [
        "time_zone",
        "languages.0",
        "knobs.GHOST_CUSTOMER_M",
    ]
    assert "these 3 fields" in problem.do


def test_what_two_fields_say_together_is_told_too(tmp_path: Path) -> None:
    problem = wrong(tmp_path, 'sending = "live"\n' + GOOD.replace('resend_api_key = "re_1"', ""))
    assert problem.why == 'sending = "live" needs one of [email] resend_api_key, sendgrid_api_key, smtp_url'


def test_a_file_that_is_not_there_or_is_a_folder_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(Problem) as problem:
            read_tenant_file(path)
        assert (problem.value.code, problem.value.exit) == ("CA-504", Exit.NOT_FOUND)


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tenant.toml"
    path.write_bytes('name = "Grün"'.encode("latin-1"))
    with pytest.raises(Problem, match="UTF-8"):
        read_tenant_file(path)
