"""Submits calls of the functions in reports.py to the cluster that runs on this machine."""

import reports

import karya

job = reports.daily.submit("2026-11-23", currency="USD")
print(job.id, job.status)
every_morning = karya.schedule(
    reports.daily, cron="0 6 * * *", timezone="Europe/Berlin", args=["yesterday"], name="morning-report"
)
print(every_morning.id, every_morning.next_at)
