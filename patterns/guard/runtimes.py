"""Lambda runtimes and the days on which AWS ends their support: data, to be renewed when AWS moves a date.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, as of 23 November 2026.
"""

from datetime import date
from typing import NamedTuple


class Lifecycle(NamedTuple):
    """The day from which a runtime gets no more patches; no new functions; no updates of existing ones."""

    deprecated: date
    no_create: date
    no_update: date


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _until(deprecated: str, no_create: str = "2027-02-01", no_update: str = "2027-03-03") -> Lifecycle:
    return Lifecycle(_day(deprecated), _day(no_create), _day(no_update))


LIFECYCLES: dict[str, Lifecycle] = {
    "dotnet10": _until("2028-11-14", "2028-12-14", "2029-01-15"),
    "dotnet6": _until("2024-12-20"),
    "dotnet8": _until("2026-11-10"),
    "go1.x": _until("2024-01-08", "2024-02-08"),
    "java11": _until("2027-06-30", "2027-07-31", "2027-08-31"),
    "java17": _until("2027-06-30", "2027-07-31", "2027-08-31"),
    "java21": _until("2029-06-30", "2029-07-31", "2029-08-31"),
    "java25": _until("2029-06-30", "2029-07-31", "2029-08-31"),
    "java8": _until("2024-01-08", "2024-02-08"),
    "java8.al2": _until("2027-06-30", "2027-07-31", "2027-08-31"),
    "nodejs14.x": _until("2023-12-04", "2024-01-09"),
    "nodejs16.x": _until("2024-06-12"),
    "nodejs18.x": _until("2025-09-01"),
    "nodejs20.x": _until("2026-04-30"),
    "nodejs22.x": _until("2027-04-30", "2027-06-01", "2027-07-01"),
    "nodejs24.x": _until("2028-04-30", "2028-06-01", "2028-07-01"),
    "provided": _until("2024-01-08", "2024-02-08"),
    "provided.al2": _until("2026-07-31"),
    "provided.al2023": _until("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.10": _until("2026-10-31"),
    "python3.11": _until("2027-06-30", "2027-07-31", "2027-08-31"),
    "python3.12": _until("2028-10-31", "2028-11-30", "2029-01-10"),
    "python3.13": _until("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.14": _until("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.7": _until("2023-12-04", "2024-01-09"),
    "python3.8": _until("2024-10-14"),
    "python3.9": _until("2025-12-15"),
    "ruby2.7": _until("2023-12-07", "2024-01-09"),
    "ruby3.2": _until("2026-03-31"),
    "ruby3.3": _until("2027-03-31", "2027-04-30", "2027-05-31"),
    "ruby3.4": _until("2028-03-31", "2028-04-30", "2028-05-31"),
    "ruby4.0": _until("2029-03-31", "2029-04-30", "2029-05-31"),
}

GONE = frozenset(
    [
        "dotnet5.0",
        "dotnet7",
        "dotnetcore1.0",
        "dotnetcore2.0",
        "dotnetcore2.1",
        "dotnetcore3.1",
        "nodejs",
        "nodejs10.x",
        "nodejs12.x",
        "nodejs4.3",
        "nodejs4.3-edge",
        "nodejs6.10",
        "nodejs8.10",
        "python2.7",
        "python3.6",
        "ruby2.5",
    ]
)
"""Runtimes that can be neither created nor updated any more."""
