"""The check digits of the identifiers that have any. Each takes the characters without separators, in upper case.

The tests compare them with python-stdnum where it knows the number, and with published specimens elsewhere.
"""

from collections.abc import Iterable

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def luhn(digits: str) -> bool:
    """ISO/IEC 7812 Annex B: payment cards, Canadian SIN, Swedish personal numbers."""
    doubled = sum(sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0


def iban(text: str) -> bool:
    """ISO 13616: the first four characters moved to the end, letters as 10 to 35, remainder 1 modulo 97."""
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def npi(digits: str) -> bool:
    """US National Provider Identifier: Luhn over 80840 and the number."""
    return luhn("80840" + digits)


def nhs(digits: str) -> bool:
    """NHS number of England, Wales and the Isle of Man: modulo 11, weights 10 to 2."""
    return _weighted(digits, range(10, 0, -1)) % 11 == 0


def dea(text: str) -> bool:
    """US Drug Enforcement Administration registration: two letters and seven digits."""
    digits = [int(d) for d in text[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def vin(text: str) -> bool:
    """Vehicle identification number: the ninth character is the remainder modulo 11, X for 10.

    North America and China prescribe it; elsewhere the place is free, so a number from there passes without.
    """
    values = {**{str(d): d for d in range(10)}, **dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", _VIN, strict=True))}
    total = sum(values[c] * w for c, w in zip(text, _VIN_WEIGHTS, strict=True))
    return text[0] not in "12345L" or text[8] == "0123456789X"[total % 11]


_VIN = (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def cpf(digits: str) -> bool:
    """Brazil, natural persons: two digits modulo 11; a number of one digit throughout is not given out."""
    if len(set(digits)) == 1:
        return False
    return all(_brazil(digits[:n], range(n + 1, 1, -1)) == int(digits[n]) for n in (9, 10))


def cnpj(text: str) -> bool:
    """Brazil, legal persons: two digits modulo 11; since July 2026 the first twelve places may be letters."""
    if len(set(text)) == 1:
        return False
    values = [ord(c) - 48 for c in text]
    weights = (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first = 11 - sum(v * w for v, w in zip(values, weights, strict=False)) % 11
    second = 11 - sum(v * w for v, w in zip(values, (6, *weights), strict=False)) % 11
    return values[12:] == [first % 11 % 10 if first < 10 else 0, second % 11 % 10 if second < 10 else 0]


def rg_sp(text: str) -> bool:
    """Brazil, identity card of the state of São Paulo: modulo 11, weights 2 to 9, X for 10."""
    rest = 11 - sum(int(d) * w for d, w in zip(text[:8], range(2, 10), strict=True)) % 11
    return text[8] == "0123456789X0"[rest]


def dni(text: str) -> bool:
    """Spain, citizens: eight digits and their remainder modulo 23 as a letter."""
    return text[8] == _DNI[int(text[:8]) % 23]


def nie(text: str) -> bool:
    """Spain, foreigners: X, Y or Z stands for 0, 1 or 2 before seven digits, then as `dni`."""
    return dni(str("XYZ".index(text[0])) + text[1:])


def nif(text: str) -> bool:
    """Spain, natural persons for tax: a DNI, a NIE, or K, L or M with seven digits and the same letter."""
    if text[0] in "KLM":
        return text[8] == _DNI[int(text[1:8]) % 23]
    return nie(text) if text[0] in "XYZ" else dni(text)


def cif(text: str) -> bool:
    """Spain, legal persons: Luhn over the seven digits, given as a digit or as a letter, by kind of entity."""
    check = (10 - sum(map(int, text[2:8:2])) - sum(sum(divmod(2 * int(d), 10)) for d in text[1:8:2])) % 10
    letter = "JABCDEFGHI"[check]
    if text[0] in "PQSNWR":
        return text[8] == letter
    return text[8] == str(check) if text[0] in "ABEH" else text[8] in (str(check), letter)


def ssn_es(digits: str) -> bool:
    """Spain, social security affiliation: province, number, and both modulo 97."""
    number = int(digits[2:10])
    whole = int(digits[:2]) * 10_000_000 + number if number < 10_000_000 else int(digits[:10])
    return whole % 97 == int(digits[10:])


def nir(text: str) -> bool:
    """France, INSEE number and carte vitale: 97 less the number modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    return 97 - int(text[:13].replace("2A", "19").replace("2B", "18")) % 97 == int(text[13:])


def spi(digits: str) -> bool:
    """France, tax number of a person: the last three digits are the first ten modulo 511."""
    return int(digits[:10]) % 511 == int(digits[10:])


def idnr(digits: str) -> bool:
    """Germany, tax identification number: one digit of the first ten twice or three times; ISO 7064 MOD 11,10."""
    repeated = [n for n in map(digits[:10].count, set(digits[:10])) if n > 1]
    rest = 10
    for digit in digits[:10]:
        rest = ((int(digit) + rest) % 10 or 10) * 2 % 11
    return repeated in ([2], [3]) and (11 - rest) % 10 == int(digits[10])


def document_de(text: str) -> bool:
    """Germany, identity cards and passports: modulo 10, weights 7, 3, 1; the last character is the digit."""
    total = sum(int(c, 36) * w for c, w in zip(text[:-1], (7, 3, 1) * 4, strict=False))
    return total % 10 == int(text[-1])


def drivers_license_de(text: str) -> bool:
    """Germany: the tenth of eleven characters is the weighted sum of the first nine modulo 11, X for 10."""
    return text[9] == "0123456789X"[sum(int(c, 36) * w for c, w in zip(text[:9], range(9, 0, -1), strict=True)) % 11]


def hetu(text: str) -> bool:
    """Finland, personal identity code (it stands on the driving licence): modulo 31."""
    return text[10] == _HETU[int(text[:6] + text[7:10]) % 31]


def codice_fiscale(text: str) -> bool:
    """Italy: a letter from the fifteen characters before it, odd and even places read by two tables."""
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    places = [int(c) if c.isdigit() else ord(c) - 65 for c in text[:15]]
    return text[15] == chr(65 + (sum(odd[p] for p in places[0::2]) + sum(places[1::2])) % 26)


def utr(digits: str) -> bool:
    """United Kingdom, Unique Taxpayer Reference: the first of ten digits checks the others modulo 11."""
    return digits[0] == "21987654321"[_weighted(digits[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11]


def phn_bc(digits: str) -> bool:
    """British Columbia, Personal Health Number: ten digits from 9 on, modulo 11."""
    return (11 - _weighted(digits[1:9], (2, 4, 8, 5, 10, 9, 7, 3)) % 11) % 11 == int(digits[9])


def _weighted(digits: str, weights: Iterable[int]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def _brazil(digits: str, weights: Iterable[int]) -> int:
    return (11 - _weighted(digits, weights) % 11) % 11 % 10
