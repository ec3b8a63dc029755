"""A department reads the key of a lead as it was uploaded, once; a person reads what came as it came.

Where each lead goes is in the table, and `test_scenarios.py` asks it.
"""

import json
from collections import Counter

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.fetch import log_lines
from tests.e2e.samples import Samples
from tests.e2e.scenarios import AUTO_KEYS, FROM_ELSEWHERE, HOME_KEYS, LEADS, SCENARIOS, processed

SAMPLES = (LEADS,)


def leads(emulator: Emulator, function: str) -> Counter[str]:
    """The keys that a department's function has taken, decoded, as its log says."""
    found: Counter[str] = Counter()
    for line in log_lines(emulator.client("logs"), function):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("message") == "lead":
            found[record["key"]] += 1
    return found


@pytest.mark.parametrize(("department", "keys"), [("Auto", AUTO_KEYS), ("Home", HOME_KEYS)])
def test_a_department_reads_each_key_once_and_as_it_was_uploaded(
    department: str, keys: tuple[str, ...], samples: Samples, emulator: Emulator
) -> None:
    taken = [row.body for row in SCENARIOS if row.stack == LEADS and processed(f"{department}/Function") in row.ends]
    read = leads(emulator, samples.outputs[LEADS][f"{department}FunctionName"])
    # The first record of the notification whose second it cannot read.
    del read[f"{department.lower()}-halved.xml"]
    assert read == Counter(taken)
    assert set(keys) <= set(read)


def test_a_message_from_elsewhere_is_kept_as_it_came(samples: Samples) -> None:
    kept = samples.message(LEADS, "no notification").at("Audit/Unmatched")
    assert kept.message["Body"] == FROM_ELSEWHERE
