"""The first service, once the hour meter shows that the break-in is over."""

from communication_agent.communication import (
    FIRST_SERVICE_HOURS_THRESHOLD,
    STILL_OWNED,
    USAGE_SERVICE_HOURS_INTERVAL,
    Audience,
    Button,
    Communication,
    Condition,
    Wording,
    weekly,
)
from communication_agent.domain import Purpose

WORDING = Wording(
    subject="First service for your {{ equipment_model }}",
    preheader="The break-in hours are done. Here is what comes next.",
    body="""\
Hi {{ first_name | default: "there" }},

Your {{ equipment_name }} showed {{ machine_hours }} hours on {{ hours_read_date }}, which means the break-in period is behind it. Now is the right time for its first service.

{% if power_source == "battery" %}We check the running gear, connections, blades and firmware, and make sure everything has settled in properly.{% else %}New engines shed fine metal while the parts settle, and the first oil change takes it out. We also check belts, cables and bolts, which can stretch or loosen at the start.{% endif %}

It is a short visit. Book online, or call {{ dealership_phone }}, and we will note it in your service history. Already had it done? Reply and tell us when, so we stop reminding you.
""",
    button=Button("Book the first service", "booking_url"),
    sms=(
        "{{ sms_name }}: Your {{ equipment_short }} has reached {{ machine_hours }} hours: time for its first service. Book: {{ short_link }} STOP to opt out"
    ),
    prompt="Explain why the first service matters at this hour reading and make booking easy.",
    forbidden="warranty consequences; oil types or intervals; price; duration in minutes",
)

AUDIENCE = Audience(
    rows="""
        FROM comm.comm_equipment e
        JOIN comm.comm_customers c ON c.id = e.customer_id
    """,
    conditions=(
        Condition(
            "hours_reached",
            "machine hours reached {first_service_hours_threshold}",
            "e.machine_hours >= %(first_service_hours_threshold)s",
            "trim_scale(e.machine_hours::numeric)",
            "'needs ' || trim_scale(%(first_service_hours_threshold)s - e.machine_hours::numeric) || ' more hours'",
        ),
        Condition(
            "below_interval",
            "machine hours below the service interval of {usage_service_hours_interval}",
            "e.machine_hours < %(usage_service_hours_interval)s",
            "trim_scale(e.machine_hours::numeric)",
        ),
        Condition(
            "reading_is_fresh",
            "hours read in the last 60 days",
            "e.hours_read_at::date BETWEEN %(today)s::date - 60 AND %(today)s::date",
            "e.hours_read_at::date",
            "'needs a reading from the last 60 days'",
        ),
        Condition(
            "never_serviced",
            "no finished service on the machine yet",
            """NOT EXISTS (SELECT FROM comm.comm_work_orders w
                WHERE w.equipment_id = e.id AND w.kind = 'service' AND w.status IN ('completed', 'picked_up'))""",
            """(SELECT max(w.number) FROM comm.comm_work_orders w
                WHERE w.equipment_id = e.id AND w.kind = 'service' AND w.status IN ('completed', 'picked_up'))""",
        ),
        STILL_OWNED,
    ),
)

FIRST_SERVICE_ALERT = Communication(
    name="first_service_alert",
    title="First service due",
    purpose=Purpose.MARKETING,
    schedule=weekly(),
    audience=AUDIENCE,
    knobs=(FIRST_SERVICE_HOURS_THRESHOLD, USAGE_SERVICE_HOURS_INTERVAL),
    occasion="unit:{equipment_id}",
    useful_days=21,
    priority=30,
    reason_line="You get this because you own a machine bought or serviced at our shop.",
    wording=WORDING,
)
