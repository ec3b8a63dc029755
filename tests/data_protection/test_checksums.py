"""The check digits agree with python-stdnum, and with published specimens where that library has no opinion."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban as stdnum_iban
from stdnum import luhn as stdnum_luhn
from stdnum.br import cnpj as stdnum_cnpj
from stdnum.br import cpf as stdnum_cpf
from stdnum.ca import bc_phn as stdnum_bc_phn
from stdnum.de import idnr as stdnum_idnr
from stdnum.es import cif as stdnum_cif
from stdnum.es import nif as stdnum_nif
from stdnum.fi import hetu as stdnum_hetu
from stdnum.fr import nif as stdnum_fr_nif
from stdnum.fr import nir as stdnum_nir
from stdnum.gb import nhs as stdnum_nhs
from stdnum.gb import utr as stdnum_utr
from stdnum.it import codicefiscale as stdnum_codice

from patterns.data_protection.engine import checksums


def digits(count: int, first: str = string.digits) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(first), st.text(string.digits, min_size=count - 1, max_size=count - 1)).map(
        "".join
    )


@given(digits(16) | digits(15) | digits(9))
def test_luhn(text: str):
    assert checksums.luhn(text) == stdnum_luhn.is_valid(text)


@given(digits(10))
def test_nhs_number(text: str):
    assert checksums.nhs(text) == stdnum_nhs.is_valid(text)


@given(digits(10))
def test_unique_taxpayer_reference(text: str):
    assert checksums.utr(text) == stdnum_utr.is_valid(text)


@given(digits(10, "9"))
def test_personal_health_number_of_british_columbia(text: str):
    assert checksums.phn_bc(text) == stdnum_bc_phn.is_valid(text)


@given(st.text(string.digits, min_size=9, max_size=9))
def test_cpf_has_one_right_pair_of_digits(text: str):
    if len(set(text)) > 1:
        right = [f"{text}{pair:02d}" for pair in range(100) if checksums.cpf(f"{text}{pair:02d}")]
        assert [number for number in right if stdnum_cpf.is_valid(number)] == right
        assert len(right) == 1


@given(st.text(string.digits + string.ascii_uppercase, min_size=12, max_size=12))
def test_cnpj_with_and_without_letters_has_one_right_pair_of_digits(text: str):
    if len(set(text)) > 1:
        right = [f"{text}{pair:02d}" for pair in range(100) if checksums.cnpj(f"{text}{pair:02d}")]
        assert right == [text + stdnum_cnpj.calc_check_digits(text)]


@given(digits(10, "123456789"))
def test_german_tax_number_agrees_for_every_check_digit(text: str):
    for check in string.digits:
        assert checksums.idnr(text + check) == stdnum_idnr.is_valid(text + check)


@given(st.integers(0, 3_999_999_999))
def test_french_tax_number_agrees(number: int):
    text = f"{number:010d}"
    right = f"{text}{int(text) % 511:03d}"
    assert checksums.spi(right)
    assert stdnum_fr_nif.is_valid(right)
    assert not checksums.spi(f"{text}{(int(text) + 1) % 511:03d}")


@given(st.sampled_from(["75", "2A", "2B", "13"]), digits(6), st.integers(1, 12), st.integers(0, 99), st.integers(1, 97))
def test_insee_number_agrees(place: str, rest: str, month: int, year: int, key: int):
    text = f"1{year:02d}{month:02d}{place}{rest}{key:02d}"
    assert checksums.nir(text) == stdnum_nir.is_valid(text)


@given(st.sampled_from("XYZKLM0123456789"), digits(7), st.sampled_from(string.ascii_uppercase))
def test_spanish_personal_numbers_agree(first: str, middle: str, letter: str):
    text = first + middle + letter
    assert checksums.nif(text) == stdnum_nif.is_valid(text)


@given(st.sampled_from("ABCDEFGHJNPQRSUVW"), digits(7), st.sampled_from(string.digits + "ABCDEFGHIJ"))
def test_spanish_company_numbers_agree(kind: str, middle: str, check: str):
    """python-stdnum takes a letter for every kind; here kinds that only have a digit, or a letter, must have it."""
    text = kind + middle + check
    if checksums.cif(text):
        assert check in stdnum_cif.calc_check_digits(text[:8])
    elif check in stdnum_cif.calc_check_digits(text[:8]):
        assert (kind in "ABEH") == check.isalpha() or (kind in "PQSNWR") == check.isdigit()


@given(
    st.integers(1, 28), st.integers(1, 12), st.integers(0, 99), st.integers(2, 899), st.sampled_from("0123456789ABCDEF")
)
def test_finnish_identity_codes_agree(day: int, month: int, year: int, number: int, check: str):
    text = f"{day:02d}{month:02d}{year:02d}-{number:03d}{check}"
    assert checksums.hetu(text) == stdnum_hetu.is_valid(text)


@given(st.text(string.ascii_uppercase, min_size=6, max_size=6), st.integers(1, 28), st.sampled_from("ABCDEHLMPRST"))
def test_codice_fiscale_agrees(name: str, day: int, month: str):
    text = f"{name}85{month}{day:02d}H501"
    right = text + stdnum_codice.calc_check_digit(text)
    assert [c for c in string.ascii_uppercase if checksums.codice_fiscale(text + c)] == [right[-1]]


@given(st.sampled_from(["DE", "ES", "GB"]), st.text(string.digits + "AZ", min_size=18, max_size=20), st.integers(2, 98))
def test_iban_agrees(country: str, account: str, check: int):
    text = f"{country}{check:02d}{account}"
    assert checksums.iban(text) == (stdnum_iban.calc_check_digits(text) == text[2:4])


@pytest.mark.parametrize(
    ("check", "specimen", "wrong"),
    [
        # 45 CFR 162.406 gives the prefix; the CMS example number
        (checksums.npi, "1234567893", "1234567894"),
        # the usual worked example of the DEA's formula
        (checksums.dea, "AP5836727", "AP5836728"),
        # 49 CFR 565: all ones has check digit 1; the usual specimen with X
        (checksums.vin, "11111111111111111", "11111111211111111"),
        (checksums.vin, "1M8GDM9AXKP042788", "1M8GDM9A0KP042788"),
        # the specimen of the German licence
        (checksums.drivers_license_de, "B072RRE2I55", "B072RRE2I45"),
        # the specimens of the German identity card and of the ICAO code line
        (checksums.document_de, "T220001293", "T220001294"),
        (checksums.document_de, "L898902C36", "L898902C35"),
        # the Spanish social security's own example of affiliation numbers
        (checksums.ssn_es, "281234567840", "281234567841"),
        # an identity card of São Paulo
        (checksums.rg_sp, "312031312", "312031313"),
    ],
)
def test_published_specimens_pass_and_their_neighbours_do_not(check, specimen: str, wrong: str):
    assert check(specimen)
    assert not check(wrong)


def test_a_vin_from_where_no_check_digit_is_prescribed_passes_without():
    assert checksums.vin("WVWZZZ1JZ3W386752")


def test_one_digit_throughout_is_no_brazilian_number():
    assert not checksums.cpf("11111111111")
    assert not checksums.cnpj("00000000000000")
