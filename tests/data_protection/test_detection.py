"""What the relay finds in a message, how well, and that no message can make it slow."""

import json
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.data_protection.engine import OFFERED, detectors
from patterns.data_protection.engine.keywords import KEYWORDS
from patterns.data_protection.engine.plain import plain
from patterns.data_protection.identifiers import CATALOGUE
from tests.data_protection.labelled import ENGINE, README, Case, cases, found, score, written

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

# What the labelled set shows to be beyond it, on purpose: texts that a person would label otherwise.
KNOWN_MISTAKES = 33


def test_all_that_is_offered_is_in_the_catalogue_and_the_clinic_has_its_nine():
    assert set(CATALOGUE) >= OFFERED
    assert set(CLINIC) <= OFFERED


def test_the_labelled_set_covers_every_identifier_offered_with_finds_and_near_misses():
    for name in OFFERED:
        mine = [case for case in cases() if case.identifier == name]
        assert sum(len(case.found) for case in mine) >= 3, name
        assert sum(not case.found for case in mine) >= 2, name


def test_the_labelled_set_names_nothing_else_and_each_part_stands_in_its_text():
    assert {case.identifier for case in cases()} == OFFERED
    assert all(part in case.text for case in cases() for part in case.found)
    assert len({(case.identifier, case.text) for case in cases()}) == len(cases())


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_an_identifier_is_found_where_it_is_and_not_where_it_is_not(name: str):
    result = score(name)
    # An identifier with a check digit errs only on forms it does not claim; the others are bounded.
    assert result.precision >= (0.85 if DETECTED_BY_CHECK[name] else 0.8), result
    assert result.recall >= 0.7, result


DETECTED_BY_CHECK = {name: bool(detectors.DETECTORS[name].checksum) for name in OFFERED}


def test_the_mistakes_on_the_labelled_set_are_known():
    wrong = sum(score(name).wrong + score(name).missed for name in OFFERED)
    assert wrong == KNOWN_MISTAKES


def test_the_readme_states_how_well_each_identifier_is_found():
    text = README.read_text(encoding="utf-8")
    assert text == written(text), "run: python -m tests.data_protection.labelled"


def test_an_identifier_with_a_check_digit_is_not_found_when_a_digit_is_off():
    for case in cases():
        if case.found and detectors.DETECTORS[case.identifier].checksum == "Luhn":
            for part in case.found:
                digit = next(c for c in reversed(part) if c.isdigit())
                at = part.rindex(digit)
                other = part[:at] + str((int(digit) + 5) % 10) + part[at + 1 :]
                assert found(case.identifier, case.text.replace(part, other)) != [other], case


# Keywords


def test_a_keyword_counts_up_to_30_characters_before_and_after():
    for gap, near in ((1, True), (30, True), (31, False)):
        assert bool(found("Ssn-US", "ssn" + " " * gap + "123-12-1234")) is near
        assert bool(found("Ssn-US", "123-12-1234" + " " * gap + "ssn")) is near


@pytest.mark.parametrize(
    "keyword",
    ["Social Security", "socialsecurity", "SOCIAL_SECURITY", "social-security", "ssns", "patientSsn", "ssn1", "(ssn)"],
)
def test_a_keyword_is_known_in_any_case_with_its_spaces_changed_and_in_compound_names(keyword: str):
    assert found("Ssn-US", f"{keyword}: 123-12-1234") == ["123-12-1234"]


@pytest.mark.parametrize("word", ["lessness", "assn", "session", "ssnx", "social  security", "sociAL"])
def test_a_word_that_only_contains_a_keyword_is_none(word: str):
    assert found("Ssn-US", f"{word}: 123-12-1234") == []


def test_positions_hold_in_texts_whose_small_letters_are_longer():
    # The Turkish capital I with a dot becomes two characters in small letters.
    assert found("Ssn-US", "İİİİ SSN 123-12-1234") == ["123-12-1234"]


def test_every_identifier_that_needs_a_keyword_has_some_and_no_other_has():
    assert set(KEYWORDS) == {name for name, detector in detectors.DETECTORS.items() if detector.keyword}


# What stands for plain characters


@pytest.mark.parametrize(
    ("name", "before", "data"),
    [
        ("Ssn-US", "SSN：", "１２３-１２-１２３４"),
        ("Ssn-US", "SSN ", "١٢٣-١٢-١٢٣٤"),
        ("Ssn-US", "SSN ", "123\u201112\u20111234"),
        ("Ssn-US", "SSN\u00a0", "123\u201312\u20131234"),
        ("CreditCardNumber", "PAN ", "4539\u00a01488\u00a00343\u00a06467"),
        ("DriversLicense-US", "driver’s license ", "D1234567"),
        ("EmailAddress", "", "jane＠example.com"),
        ("Address", "", "12 Main St\\nBoston, MA 02108"),
    ],
)
def test_data_is_found_in_other_scripts_and_with_typographic_marks(name: str, before: str, data: str):
    assert found(name, f"{before}{data}") == [data]


def test_a_line_end_of_a_json_string_is_no_letter_of_the_word_after_it():
    assert found("Ssn-US", json.dumps({"note": "Hello\nssn\t123-12-1234\nbye"})) == ["123-12-1234"]
    assert found("Ssn-US", r"C:\\nssn 123-12-1234") == [], "a backslash of a JSON string, not a line end"


def test_a_secret_key_is_found_right_after_an_equals_sign():
    key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    assert found("AwsSecretKey", f"AWS_SECRET_ACCESS_KEY={key}\n") == [key]
    assert found("AwsSecretKey", f"AWS_SECRET_ACCESS_KEY={key}=") == [], "that is 41 characters of base64"


@given(st.text(alphabet=st.characters() | st.sampled_from("\\nrt")))
def test_the_plain_text_has_every_character_where_it_was(text: str):
    assert len(plain(text)) == len(text)
    if text.isascii() and "\\" not in text:
        assert plain(text) == text


# Time


def _patterns_of(name: str) -> list[re.Pattern[str]]:
    spans: Callable[..., object] = detectors.DETECTORS[name].spans
    cells = [cell.cell_contents for cell in spans.__closure__ or ()]
    lists = [pattern for cell in cells if isinstance(cell, list) for pattern in cell]
    return [pattern for pattern in [*cells, *lists] if isinstance(pattern, re.Pattern)]


def test_no_pattern_repeats_without_end():
    module = [value for value in vars(detectors).values() if isinstance(value, re.Pattern)]
    several = [p for value in vars(detectors).values() if isinstance(value, list) for p in value]
    everything = [*module, *(p for p in several if isinstance(p, re.Pattern))]
    for name in OFFERED:
        everything += _patterns_of(name)
    assert len(everything) > 50
    unbounded = re.compile(r"(?<!\\)[*+](?![^\[]*\])|\{[0-9]*,\}")
    assert [p.pattern for p in everything if unbounded.search(p.pattern)] == []


PIECES = st.sampled_from(
    ["1", "12 ", "123-", "4111 ", "a", "a.", "a@", "@", "-", ".", ":", "::1", "f:", " ", "St ", "1 a ", "1 A St ",
     "rue ", "12 rue ", "Weg ", "AB", "DE89", "-----BEGIN PRIVATE KEY-----", "ssn ", "card ", "iban ", "dl#", "/", "+",
     "é", "0", "9.9,", "x"]
)  # fmt: skip


@given(st.lists(PIECES, min_size=1, max_size=6), st.sampled_from(sorted(OFFERED)))
def test_time_grows_with_the_message_and_not_faster(pieces: list[str], name: str):
    """Four times the text costs about four times as much; quadratic would be sixteen times."""
    unit = "".join(pieces) + " ".join(KEYWORDS.get(name, ())[:1])
    short, long = unit * (12_000 // len(unit) + 1), unit * (48_000 // len(unit) + 1)

    def cost(text: str) -> float:
        begin = time.process_time()
        ENGINE.find(text, [name])
        return time.process_time() - begin

    if cost(long) > 0.05:  # fast ones are not worth a measurement
        assert min(cost(long) for _ in range(3)) < 9 * min(cost(short) for _ in range(3)) + 0.02


address_words = st.sampled_from(
    ["410 ", "12 ", "Terry ", "Ave ", "N, ", "Seattle ", "98109", ", WA", "rue ", "de la ", "Paix, ", "75002 ", "Paris",
     "Hauptstraße ", "10115 ", "Berlin", "London ", "NW1 6XE", "K1M 1M4", "NSW ", "2000", "and so on ", "x" * 60 + " "]
)  # fmt: skip


@given(st.lists(address_words, max_size=40).map("".join))
def test_addresses_are_found_near_postal_codes_as_in_the_whole_text(text: str):
    whole = [match.span() for pattern in detectors._ADDRESSES for match in pattern.finditer(text)]
    assert found("Address", text) == [text[start:end] for start, end in detectors._apart(set(whole))]


@given(st.text(max_size=300))
def test_any_text_at_all_is_searched_without_a_crash(text: str):
    for name in OFFERED:
        for finding in ENGINE.find(text, [name]):
            ends = [0, *(place for span in finding.spans for place in span)]
            assert ends == sorted(ends)
            assert ends[-1] <= len(text)


def test_a_finding_survives_what_stands_around_it():
    """A text glued between others finds what it found alone, while they are a line apart."""
    for case in cases():
        alone = found(case.identifier, case.text)
        if alone and not _open_ended(case):
            around = "Good morning, how are you?\n" * 3
            assert found(case.identifier, f"{around}{case.text}\n{around}") == alone, case


def _open_ended(case: Case) -> bool:
    return case.identifier.endswith("PrivateKey") and "END" not in case.text and "MAC" not in case.text


def test_the_labelled_set_is_json_that_a_person_can_extend():
    for file in README.parents[2].joinpath("tests/data_protection/labelled").glob("*.json"):
        assert all(
            set(case) == {"text", "found"}
            for listed in json.loads(file.read_text(encoding="utf-8")).values()
            for case in listed
        )
