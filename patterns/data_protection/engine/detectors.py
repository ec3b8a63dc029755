"""How each identifier is found: the form of the data, what must hold for it, and whether a keyword must be near.

No pattern here repeats without end and every one begins at a boundary, so each costs time linear in the text.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import checksums

Span = tuple[int, int]
Spans = Callable[[str], Iterator[Span]]

# Neither in the middle of a word or number, nor in a longer one with separators.
_LEFT = r"(?<![0-9A-Za-z])(?<![0-9][-.])"
_RIGHT = r"(?![0-9A-Za-z])(?![-.][0-9])"


@dataclass(frozen=True)
class Detector:
    """Finds one identifier.

    Attributes:
        how: in words, for the documentation.
        spans: candidates in a text, start and end (exclusive), in order.
        checksum: what the check digits follow, or nothing where there are none.
        keyword: whether one of the identifier's keywords must be near.
    """

    how: str
    spans: Spans
    checksum: str = ""
    keyword: bool = True


def _matching(*forms: str, check: Callable[[str], bool] = lambda _: True, strip: str = " .-/") -> Spans:
    """Spans of texts of one of these forms whose characters, without separators and in upper case, pass a check."""
    patterns = [re.compile(f"{_LEFT}(?:{form}){_RIGHT}", re.ASCII | re.IGNORECASE) for form in forms]
    table = str.maketrans("", "", strip)

    def spans(text: str) -> Iterator[Span]:
        found: set[Span] = set()
        for pattern in patterns:
            at = 0
            while match := pattern.search(text, at):
                if check(match[0].translate(table).upper()):
                    found.add(match.span())
                    at = match.end()
                else:
                    at = match.start() + 1
        yield from _apart(found)

    return spans


def _apart(spans: set[Span]) -> Iterator[Span]:
    """In order, and of those that overlap the one that begins first, or the longer one."""
    end = 0
    for span in sorted(spans, key=lambda s: (s[0], -s[1])):
        if span[0] >= end:
            yield span
            end = span[1]


def _grouped(*sizes: int, by: str = "[ -]") -> str:
    """Digits in groups of these sizes, all with the same separator or none."""
    first, *rest = sizes
    together = rf"[0-9]{{{sum(sizes)}}}"
    if not rest:
        return together
    second, *more = rest
    apart = rf"[0-9]{{{first}}}(?P<by>{by})[0-9]{{{second}}}" + "".join(rf"(?P=by)[0-9]{{{n}}}" for n in more)
    return f"{together}|{apart}"


# Numbers that the card brands keep for public tests; SNS does not report them:
# https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-sensitive-data-types-financial.html
_TEST_CARDS = frozenset(
    {
        "122000000000003",
        "2222405343248877",
        "2222990905257051",
        "2223007648726984",
        "2223577120017656",
        "30569309025904",
        "34343434343434",
        "3528000700000000",
        "3530111333300000",
        "3566002020360505",
        "36148900647913",
        "36700102000000",
        "371449635398431",
        "378282246310005",
        "378734493671000",
        "38520000023237",
        "4012888888881881",
        "4111111111111111",
        "4222222222222",
        "4444333322221111",
        "4462030000000000",
        "4484070000000000",
        "4911830000000",
        "4917300800000000",
        "4917610000000000",
        "4917610000000000003",
        "5019717010103742",
        "5105105105105100",
        "5111010030175156",
        "5185540810000019",
        "5200828282828210",
        "5204230080000017",
        "5204740009900014",
        "5420923878724339",
        "5454545454545454",
        "5455330760000018",
        "5506900490000436",
        "5506900490000444",
        "5506900510000234",
        "5506920809243667",
        "5506922400634930",
        "5506927427317625",
        "5553042241984105",
        "5555553753048194",
        "5555555555554444",
        "5610591081018250",
        "6011000990139424",
        "6011000400000000",
        "6011111111111117",
        "630490017740292441",
        "630495060000000000",
        "6331101999990016",
        "6759649826438453",
        "6799990100000000019",
        "76009244561",
    }
)
_CARD_PREFIXES = re.compile(
    r"3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|35(?:2[89]|[3-8][0-9])[0-9]{12}|4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}|5019[0-9]{12}"
    r"|6(?:011|22[0-9]|4[4-9][0-9]|5[0-9]{2}|2[0-9]{2})[0-9]{12,15}",
    re.ASCII,
)


def _card(digits: str) -> bool:
    return bool(_CARD_PREFIXES.fullmatch(digits)) and digits not in _TEST_CARDS and checksums.luhn(digits)


def _secret_key(text: str) -> Iterator[Span]:
    for match in _SECRET_KEY.finditer(text):
        key = match[0]
        if re.search("[a-z]", key) and re.search("[A-Z]", key) and re.search("[0-9]", key):
            yield match.span()


_SECRET_KEY = re.compile(r"(?<![0-9A-Za-z/+])[0-9A-Za-z/+]{40}(?![0-9A-Za-z/+=])", re.ASCII)


def _private_key(begin: str, end: str) -> Spans:
    """From the opening line to the closing one, or to the end of the text where that is missing."""
    opening, closing = re.compile(begin, re.ASCII), re.compile(end, re.ASCII)

    def spans(text: str) -> Iterator[Span]:
        at = 0
        while match := opening.search(text, at):
            last = closing.search(text, match.end())
            at = last.end() if last else len(text)
            yield match.start(), at

    return spans


def _ip_address(text: str) -> Iterator[Span]:
    found = {match.span() for match in _IPV4.finditer(text)}
    if text.count(":") > 1:
        for match in _IPV6.finditer(text):
            candidate = match[0]
            if candidate.count(":") == 7 or (candidate.count(":") > 1 and any(c.isdigit() for c in candidate)):
                try:
                    ipaddress.IPv6Address(candidate)
                except ValueError:
                    continue
                found.add(match.span())
    yield from _apart(found)


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?<![0-9A-Za-z.])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z])(?!\.[0-9])", re.ASCII)
# A label may stand before it: client:2001:db8::1
_IPV6 = re.compile(
    r"(?<![0-9A-Za-z.])(?<![0-9A-Fa-f]:)(?<!::)[0-9A-Fa-f:](?:[0-9A-Fa-f:.]{0,43}[0-9A-Fa-f:])(?![0-9A-Za-z:])",
    re.ASCII,
)


def _email(text: str) -> Iterator[Span]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            if ".." not in match[0]:
                yield match.span()


_EMAIL = re.compile(
    r"(?<![\w.%+-])[\w%+][\w.%+'-]{0,63}(?<!\.)@(?:[^\W_](?:[^\W_]|-){0,62}\.){1,8}"
    r"(?:xn--[0-9A-Za-z-]{2,59}|[A-Za-z]{2,24})(?![0-9A-Za-z])"
)


def _lat_long(text: str) -> Iterator[Span]:
    for match in _LAT_LONG.finditer(text):
        if abs(float(match[1])) <= 90 and abs(float(match[2])) <= 180:
            yield match.span()


_LAT_LONG = re.compile(
    r"(?<![0-9A-Za-z.])([-+]?[0-9]{1,2}\.[0-9]{2,10})[ ]?,[ ]{0,2}([-+]?[0-9]{1,3}\.[0-9]{2,10})(?![0-9A-Za-z])",
    re.ASCII,
)

_STREETS_EN = (
    "ave|avenue|blvd|boulevard|cir|circle|close|court|crescent|ct|dr|drive|highway|hwy|lane|ln|loop|parade|parkway|pkwy"
    "|pl|place|plaza|rd|road|sq|square|st|street|ter|terrace|trail|trl|walk|way"
)
_WORD = r"[^\W\d_][\w'’.-]{0,24}"
_PLACE = r"[^\W\d_][\w'’-]{1,30}"
# House number, one to four words of which the last says what kind of street it is: 410 Terry Ave
_STREET_EN = rf"[0-9]{{1,6}}[a-z]?(?:[-/][0-9]{{1,4}})?,?[ ](?:[0-9]{{0,3}}{_WORD}[ ]){{1,4}}?(?:{_STREETS_EN})\b\.?"
# Kind first, house number before it or last: 12 rue de la Paix, Calle Mayor 5, Via Roma, 10
_KINDS_LATIN = (
    "rue|avenue|av|boulevard|bd|place|chemin|all[ée]e|quai|impasse|calle|c/|avenida|avda|plaza|paseo|via|viale|piazza"
    "|corso|largo"
)
_STREET_LATIN = (
    rf"(?:[0-9]{{1,5}}(?:[ ]?(?:bis|ter))?,?[ ](?:{_KINDS_LATIN})\.?[ ]?(?:{_WORD}[ ,]){{1,6}}?"
    rf"|(?:{_KINDS_LATIN})\.?[ ]?(?:{_WORD},?[ ]){{1,6}}?(?:n[.º°]?[ ]?)?[0-9]{{1,5}}[a-z]?\b)"
)
# One word with the kind at its end, or the kind as a word, then the house number: Hauptstraße 12, Am Alten Weg 3
_STREET_DE = (
    r"(?:[\w.-]{2,30}?(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer)"
    rf"|(?:{_WORD}[ ]){{1,4}}?(?:stra(?:ß|ss)e|weg|platz|allee))[ ][0-9]{{1,4}}[ ]?[a-z]?\b"
)
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DC|DE|FL|GA|HI|IA|ID|IL|IN|KS|KY|LA|MA|MD|ME|MI|MN|MO|MS|MT|NC|ND|NE|NH|NJ|NM|NV|NY|OH|OK|OR"
    "|PA|PR|RI|SC|SD|TN|TX|UT|VA|VT|WA|WI|WV|WY"
)
_CITY = rf"(?:{_WORD}[ ,]{{1,2}}){{1,5}}?"
_UNIT = (
    r"(?:[ ](?:N|S|E|W|NE|NW|SE|SW)\.?)?"
    r"(?:,?[ \n]{1,2}(?:apt|apartment|suite|ste|unit|flat|floor|fl|#)\.?[ ]?[0-9A-Za-z-]{1,6})?"
)
_ZIP = rf"(?:(?:{_STATES})[ ,]{{1,2}})?[0-9]{{5}}(?:-[0-9]{{4}})?(?:,?[ ](?:{_STATES})\b)?"
_POSTCODE_GB = "[a-z]{1,2}[0-9][0-9a-z]?[ ]?[0-9][a-z]{2}"
_POSTCODE_CA = "[a-z][0-9][a-z][ ]?[0-9][a-z][0-9]"
_ADDRESSES = [
    re.compile(rf"(?<![\w.-]){form}(?![\w])", re.IGNORECASE)
    for form in (
        rf"{_STREET_EN}{_UNIT}[ ,\n]{{1,3}}{_CITY}{_ZIP}",
        rf"{_STREET_EN}{_UNIT}[ ,\n]{{1,3}}{_CITY}(?:{_POSTCODE_GB}|{_POSTCODE_CA})",
        rf"{_STREET_EN}{_UNIT}[ ,\n]{{1,3}}{_CITY}(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT)[ ,]{{1,2}}[0-9]{{4}}",
        rf"{_STREET_LATIN}[ ,\n]{{0,3}}[0-9]{{5}}[ ]{_PLACE}",
        rf"{_STREET_DE}[ ,\n]{{1,3}}(?:D-)?[0-9]{{5}}[ ]{_PLACE}",
    )
]


# An address has a postal code, so only the surroundings of what may be one are searched: as far as the longest form
# of an address reaches before its postal code, and after it.
_POSTAL = re.compile(r"[0-9]{4,5}|[0-9][A-Za-z]{2}\b|[0-9][A-Za-z][0-9]", re.ASCII)
_BEFORE_POSTAL, _AFTER_POSTAL = 400, 80


def _address(text: str) -> Iterator[Span]:
    found: set[Span] = set()
    for start, end in _near_postal_codes(text):
        found |= {match.span() for pattern in _ADDRESSES for match in pattern.finditer(text, start, end)}
    yield from _apart(found)


def _near_postal_codes(text: str) -> Iterator[Span]:
    """Parts of the text that can have an address in them, in order; those that touch are one."""
    start = end = 0
    for match in _POSTAL.finditer(text):
        if match.start() - _BEFORE_POSTAL > end:
            if end:
                yield start, end
            start = match.start() - _BEFORE_POSTAL
        end = match.end() + _AFTER_POSTAL
    if end:
        yield start, end


def _ssn_us(digits: str) -> bool:
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def _nino(text: str) -> bool:
    return text[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def _itin(digits: str) -> bool:
    return int(digits[3:5]) in (*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100))


def _optional_check(text: str) -> bool:
    """Nine characters as on the front of the card, or with the check digit (and nationality) of its code line."""
    text = text.removesuffix("D")
    return any(c.isdigit() for c in text) and (len(text) == 9 or checksums.document_de(text))


def _date6(digits: str) -> bool:
    return 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31


def _iban(country: str, length: int, form: str) -> Spans:
    """Written together or in groups of four."""
    groups, rest = divmod(length - 4, 4)
    apart = rf"{country}[0-9]{{2}}" + r"[ -]?[0-9A-Z]{4}" * groups + (rf"[ -]?[0-9A-Z]{{{rest}}}" if rest else "")
    inside = re.compile(form, re.ASCII)
    return _matching(apart, check=lambda text: bool(inside.fullmatch(text[4:])) and checksums.iban(text))


_NIR = r"[1-478][ .]?[0-9]{2}[ .]?[0-9]{2}[ .]?(?:[0-9]{2}|2[AB])[ .]?[0-9]{3}[ .]?[0-9]{3}[ .-]?[0-9]{2}"
_CODICE = r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]"
_SERIAL_DE = "CFGHJKLMNPRTVWXYZ0-9"
_DNI = r"[0-9]{2}[.]?[0-9]{3}[.]?[0-9]{3}[ -]?[A-Z]"
_NIE = r"[XYZ][ -]?[0-9]{7}[ -]?[A-Z]"
_MOD11, _MOD97, _LUHN = "modulo 11", "modulo 97", "Luhn"

DETECTORS: dict[str, Detector] = {
    "Address": Detector(
        "house number and street, a place and its postal code, as written in AU, CA, DE, ES, FR, GB, IT, US",
        _address,
        keyword=False,
    ),
    "AwsSecretKey": Detector("40 characters of base64 with small and capital letters and digits", _secret_key),
    "BankAccountNumber-DE": Detector("IBAN of 22", _iban("DE", 22, "[0-9]{18}"), _MOD97),
    "BankAccountNumber-ES": Detector("IBAN of 24", _iban("ES", 24, "[0-9]{20}"), _MOD97),
    "BankAccountNumber-FR": Detector("IBAN of 27", _iban("FR", 27, "[0-9]{10}[0-9A-Z]{11}[0-9]{2}"), _MOD97),
    "BankAccountNumber-GB": Detector("IBAN of 22", _iban("GB", 22, "[A-Z]{4}[0-9]{14}"), _MOD97),
    "BankAccountNumber-IT": Detector("IBAN of 27", _iban("IT", 27, "[A-Z][0-9]{10}[0-9A-Z]{12}"), _MOD97),
    "CepCode-BR": Detector("00000-000", _matching(r"[0-9]{5}-[0-9]{3}")),
    "Cnpj-BR": Detector(
        "00.000.000/0000-00 or 14 together, letters allowed since July 2026",
        _matching(
            r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}|[0-9A-Z]{12}[0-9]{2}",
            check=lambda t: any(c.isdigit() for c in t[:12]) and checksums.cnpj(t),
        ),
        _MOD11,
    ),
    "CpfCode-BR": Detector(
        "000.000.000-00 or 11 digits",
        _matching(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{9}-?[0-9]{2}", check=checksums.cpf),
        _MOD11,
    ),
    "CreditCardExpiration": Detector(
        "month and year: 04/29, 04-2029", _matching(r"(?<![0-9]/)(?:0[1-9]|1[0-2])[/-](?:20)?[2-4][0-9](?!/)")
    ),
    "CreditCardNumber": Detector(
        "13 to 19 digits with the prefix of a brand; not the brands' public test numbers",
        _matching(
            r"[0-9]{13,19}",
            _grouped(4, 4, 4, 4),
            _grouped(4, 4, 4, 4, 3),
            _grouped(4, 6, 5),
            _grouped(4, 6, 4),
            check=_card,
        ),
        _LUHN,
    ),
    "CreditCardSecurityCode": Detector("3 or 4 digits", _matching(r"[0-9]{3,4}")),
    "DriversLicense-DE": Detector(
        "11 characters",
        _matching(r"[A-Z][0-9A-Z]{2}[0-9A-Z]{6}[0-9X][0-9A-Z]", check=checksums.drivers_license_de),
        _MOD11,
    ),
    "DriversLicense-ES": Detector("as DNI or NIE", _matching(_DNI, _NIE, check=checksums.nif), "modulo 23"),
    "DriversLicense-FI": Detector(
        "as personal identity code",
        _matching(r"[0-3][0-9][01][0-9]{3}[-+A-FU-Y][0-9]{3}[0-9A-Y]", check=checksums.hetu, strip=""),
        "modulo 31",
    ),
    "DriversLicense-SE": Detector(
        "as personal identity number",
        _matching(r"[0-9]{6}[-+]?[0-9]{4}", check=lambda t: _date6(t) and checksums.luhn(t), strip="-+"),
        _LUHN,
    ),
    "DriversLicense-US": Detector(
        "the forms that the states publish (letters and 5 to 14 digits)",
        _matching(
            r"[A-Z][0-9]{6,8}|[A-Z][0-9]{11,14}|[A-Z]{2}[0-9]{5,7}|[0-9]{7,10}|[0-9]{12}",
            r"[A-Z][0-9]{3}-[0-9]{3}-[0-9]{2}-[0-9]{3}-[0-9]|[A-Z][0-9]{3}-[0-9]{4}-[0-9]{4}",
            r"[A-Z]-[0-9]{3}-[0-9]{3}-[0-9]{3}-[0-9]{3}|[0-9]{2}[A-Z]{3}[0-9]{5}|WDL[0-9A-Z]{9}",
        ),
    ),
    "DrugEnforcementAgencyNumber-US": Detector(
        "two letters and seven digits",
        _matching(r"[ABCDEFGHJKLMPRSTUX][A-Z9][0-9]{7}", check=checksums.dea),
        "modulo 10",
    ),
    "EmailAddress": Detector("local part, @ and a domain of two labels or more", _email, keyword=False),
    "HealthInsuranceNumber-FR": Detector("NIR of 15", _matching(_NIR, check=checksums.nir), _MOD97),
    "IndividualTaxIdentificationNumber-US": Detector(
        "nine digits from 9 on, with the group digits that are given out",
        _matching(r"9[0-9]{2}(?P<by>[- ]?)[0-9]{2}(?P=by)[0-9]{4}", check=_itin),
    ),
    "InseeCode-FR": Detector("NIR of 15", _matching(_NIR, check=checksums.nir), _MOD97),
    "IpAddress": Detector("IPv4 in four parts, IPv6 as in RFC 4291", _ip_address, keyword=False),
    "LatLong": Detector("latitude and longitude in decimal degrees, as a pair", _lat_long),
    "MedicareBeneficiaryNumber-US": Detector(
        "11 characters, letters without S L O I B Z",
        _matching(
            r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9](?P<by>-?)[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9](?P=by)"
            r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}"
        ),
    ),
    "NationalDrugCode-US": Detector(
        "three groups: 4-4-2, 5-3-2, 5-4-1 or 5-4-2",
        _matching(r"[0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-(?:[0-9]{3}-[0-9]{2}|[0-9]{4}-[0-9]{1,2})"),
    ),
    "NationalIdentificationNumber-DE": Detector(
        "nine characters of the identity card, with or without its check digit; ten digits and D of the old card",
        _matching(rf"[LMNPRTVWXY][{_SERIAL_DE}]{{8}}(?:[0-9]D?)?|[0-9]{{10}}D", check=_optional_check),
        "modulo 10 (where the digit is written)",
    ),
    "NationalIdentificationNumber-ES": Detector("DNI", _matching(_DNI, check=checksums.dni), "modulo 23"),
    "NationalIdentificationNumber-IT": Detector(
        "codice fiscale", _matching(_CODICE, check=checksums.codice_fiscale), "modulo 26"
    ),
    "NationalInsuranceNumber-GB": Detector(
        "two letters, six digits, A to D",
        _matching(
            r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?P<by>[ -]?)(?:[0-9]{2}(?P=by)){3}[A-D]",
            check=_nino,
        ),
    ),
    "NationalProviderId-US": Detector(
        "ten digits from 1 or 2 on", _matching(r"[12][0-9]{9}", check=checksums.npi), "Luhn with 80840"
    ),
    "NhsNumber-GB": Detector("ten digits", _matching(_grouped(3, 3, 4), check=checksums.nhs), _MOD11),
    "NieNumber-ES": Detector("X, Y or Z, seven digits, a letter", _matching(_NIE, check=checksums.nie), "modulo 23"),
    "NifNumber-ES": Detector(
        "DNI, NIE, or K, L, M with seven digits and a letter",
        _matching(_DNI, _NIE, r"[KLM][ -]?[0-9]{7}[ -]?[A-Z]", check=checksums.nif),
        "modulo 23",
    ),
    "OpenSshPrivateKey": Detector(
        "PEM block",
        _private_key("-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"),
        keyword=False,
    ),
    "PassportNumber-DE": Detector(
        "nine characters, with or without the check digit",
        _matching(rf"[CFGHJK][{_SERIAL_DE}]{{8}}(?:[0-9]D?)?", check=_optional_check),
        "modulo 10 (where the digit is written)",
    ),
    "PassportNumber-US": Detector("nine digits, or a letter and eight", _matching(r"[0-9]{9}|[A-Z][0-9]{8}")),
    "PersonalHealthNumber-CA": Detector(
        "ten digits from 9 on, of British Columbia",
        _matching(_grouped(4, 3, 3), check=lambda t: t[0] == "9" and checksums.phn_bc(t)),
        _MOD11,
    ),
    "PgpPrivateKey": Detector(
        "armoured block",
        _private_key("-----BEGIN PGP PRIVATE KEY BLOCK-----", "-----END PGP PRIVATE KEY BLOCK-----"),
        keyword=False,
    ),
    "PkcsPrivateKey": Detector(
        "PEM block: PKCS #1, PKCS #8, EC, DSA, encrypted or not",
        _private_key(
            "-----BEGIN (?:(?:RSA|EC|DSA|ENCRYPTED) )?PRIVATE KEY-----",
            "-----END (?:(?:RSA|EC|DSA|ENCRYPTED) )?PRIVATE KEY-----",
        ),
        keyword=False,
    ),
    "PostalCode-CA": Detector(
        "letter digit letter, digit letter digit",
        _matching(r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][ -]?[0-9][ABCEGHJ-NPRSTV-Z][0-9]"),
        keyword=False,
    ),
    "PuttyPrivateKey": Detector(
        "key file, from its first line to its MAC",
        _private_key("PuTTY-User-Key-File-[0-9]:", "Private-(?:MAC|Hash): ?[0-9a-f]{1,64}"),
        keyword=False,
    ),
    "RgNumber-BR": Detector(
        "00.000.000-0 of the state of São Paulo",
        _matching(r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}-?[0-9X]", check=checksums.rg_sp),
        _MOD11,
    ),
    "SocialInsuranceNumber-CA": Detector(
        "nine digits, not from 0 or 8 on",
        _matching(_grouped(3, 3, 3), check=lambda t: t[0] not in "08" and checksums.luhn(t)),
        _LUHN,
    ),
    "Ssn-ES": Detector("twelve digits", _matching(_grouped(2, 8, 2, by="[ /-]"), check=checksums.ssn_es), _MOD97),
    "Ssn-US": Detector("nine digits that can be given out", _matching(_grouped(3, 2, 4), check=_ssn_us)),
    "TaxId-DE": Detector(
        "eleven digits (Steueridentifikationsnummer)",
        _matching(_grouped(2, 3, 3, 3), check=lambda t: t[0] != "0" and checksums.idnr(t)),
        "ISO 7064 MOD 11,10",
    ),
    "TaxId-ES": Detector(
        "CIF", _matching(r"[ABCDEFGHJNPQRSUVW][ -]?[0-9]{7}[ -]?[0-9A-J]", check=checksums.cif), _LUHN
    ),
    "TaxId-FR": Detector(
        "thirteen digits from 0 to 3 on",
        _matching(_grouped(2, 2, 3, 3, 3), check=lambda t: t[0] in "0123" and checksums.spi(t)),
        "modulo 511",
    ),
    "TaxId-GB": Detector("ten digits (UTR)", _matching(r"[0-9]{5}[ ]?[0-9]{5}", check=checksums.utr), _MOD11),
    "VehicleIdentificationNumber": Detector(
        "17 characters without I, O, Q",
        _matching(r"[A-HJ-NPR-Z0-9]{17}", check=lambda t: any(c.isdigit() for c in t) and checksums.vin(t)),
        "modulo 11 (North America, China)",
    ),
    "ZipCode-US": Detector("five digits, or five and four", _matching(r"[0-9]{5}(?:-[0-9]{4})?")),
}

OFFERED = frozenset(DETECTORS)
"""Managed identifiers that can be found here; a policy for the relay can name these and custom ones."""
