"""The relay's engine: megabytes per second and time for each message, under the policy of the clinic."""

import statistics
import time

from patterns.data_protection.engine import OFFERED, Engine

CLINIC = [
    "Address",
    "AwsSecretKey",
    "CreditCardNumber",
    "DriversLicense-US",
    "EmailAddress",
    "IpAddress",
    "NationalDrugCode-US",
    "PassportNumber-US",
    "Ssn-US",
]
PROSE = "The patient in room 12 asked whether the appointment on 3 May could move to 4:30 pm. "
RECORD = (
    '{"name": "A. Diaz", "ssn": "536-90-4399", "at": "410 Terry Ave N, Seattle 98109, WA", "ndc": "0777-3105-02",'
    ' "card": "4929 1234 5678 9015",'
    ' "ip": "10.2.3.4", "mail": "ana@example.com", "note": "driver\'s license D1234567"}, '
)
HOSTILE = "1 a st a a a a 1234 4111 1111 card ssn 123-12-1234567 "


def engine(names: list[str], custom: str | None = None) -> Engine:
    prefix = "arn:aws:dataprotection::aws:data-identifier/"
    statement = {
        "DataDirection": "Inbound",
        "Principal": ["*"],
        "DataIdentifier": [prefix + name for name in names] + (["Custom"] if custom else []),
        "Operation": {"Deidentify": {"MaskConfig": {"MaskWithCharacter": "#"}}},
    }
    customs = [{"Name": "Custom", "Regex": custom}] if custom else []
    return Engine({"Statement": [statement], "Configuration": {"CustomDataIdentifier": customs}})


def measure(subject: Engine, unit: str, size: int) -> tuple[float, float]:
    """Median and worst seconds for one message of this many characters."""
    text = (unit * (size // len(unit) + 1))[:size]
    subject.apply(text)
    times = []
    for _ in range(max(5, min(200, 2_000_000 // size))):
        begin = time.perf_counter()
        subject.apply(text)
        times.append(time.perf_counter() - begin)
    return statistics.median(times), max(times)


def main() -> None:
    rows = [
        ("clinic's nine, prose", engine(CLINIC), PROSE),
        ("clinic's nine, records full of finds", engine(CLINIC), RECORD),
        ("clinic's nine, hostile", engine(CLINIC), HOSTILE),
        (f"all {len(OFFERED)}, prose", engine(sorted(OFFERED)), PROSE),
        (f"all {len(OFFERED)}, records full of finds", engine(sorted(OFFERED)), RECORD),
        ("a custom identifier, prose", engine([], r"EID-\d{9}-US"), PROSE),
        ("a custom identifier that backtracks elsewhere", engine([], "a*a*a*b"), "a"),
    ]
    print(f"{'':48}{'1 kB':>20}{'64 kB':>20}{'256 kB':>20}{'MB/s':>8}")
    for label, subject, unit in rows:
        cells, rate = [], 0.0
        for kilobytes in (1, 64, 256):
            middle, worst = measure(subject, unit, kilobytes * 1024)
            cells.append(f"{middle * 1000:8.2f} ms (≤{worst * 1000:5.1f})")
            rate = kilobytes * 1024 / 1e6 / middle
        print(f"{label:48}" + "".join(f"{cell:>20}" for cell in cells) + f"{rate:8.1f}")


if __name__ == "__main__":
    main()
