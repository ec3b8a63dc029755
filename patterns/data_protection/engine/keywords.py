"""Words that must stand near some data before it counts as sensitive, and where a text has them.

The words are those that AWS lists for each identifier and country:
https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-sensitive-data-types-pii.html (and -phi,
-financial, -credentials). As there, upper and lower case are the same, and a space in a keyword may be missing or be
``_`` or ``-``. SNS does not say how near "in proximity" is; Amazon Macie, which has the same identifiers, says
30 characters: https://docs.aws.amazon.com/macie/latest/user/managed-data-identifiers-keywords.html
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache

NEAR = 30
"""Characters between a keyword and the data, before or after it."""

_ACCOUNT = (
    "account code|account number|accountno#|accountnumber#|bban|customer account id|customer account number"
    "|customer bank account id|iban"
)
_TAX = "tax id|tax identification number|tax number"
_LICENSE_EN = (
    "dl#|dl:|dl :|dlno#|driver licence|driver licences|driver license|driver licenses|driver permit|drivers lic."
    "|drivers licence|driver's licence|drivers licences|driver's licences|drivers license|driver's license"
    "|drivers licenses|driver's licenses|drivers permit|driver's permit|drivers permit number|driving licence"
    "|driving license|driving permit"
)
_TAX_ES = (
    "cif|cif número|cifnúmero#|nie|nif|número de contribuyente|número de identidad de extranjero"
    f"|número de identificación fiscal|número de impuesto corporativo|personal tax number|{_TAX}|tin|tin#"
)

_WORDS = {
    "AwsSecretKey": "aws_secret_access_key|credentials|secret access key|secret key|set-awscredential",
    "BankAccountNumber-DE": f"{_ACCOUNT}|bankleitzahl|geheimzahl|kartennummer|kontonummer|kreditkartennummer|sepa",
    "BankAccountNumber-ES": f"{_ACCOUNT}|código cuenta|código cuenta bancaria|cuenta cliente id"
    "|número cuenta bancaria cliente|número cuenta cliente",
    "BankAccountNumber-FR": f"{_ACCOUNT}|code bancaire|compte bancaire|numéro de compte",
    "BankAccountNumber-GB": f"{_ACCOUNT}|sepa",
    "BankAccountNumber-IT": f"{_ACCOUNT}|codice bancario|conto bancario|numero di conto",
    "CepCode-BR": "cep|código de endereçamento postal|codigo de endereçamento postal",
    "Cnpj-BR": "cadastro nacional da pessoa jurídica|cadastro nacional da pessoa juridica|cnpj",
    "CpfCode-BR": "cadastro de pessoas fisicas|cadastro de pessoas físicas|cadastro de pessoa física"
    "|cadastro de pessoa fisica|cpf",
    "CreditCardExpiration": "exp d|exp m|exp y|expiration|expiry",
    "CreditCardNumber": "account number|american express|amex|bank card|card|card num|card number|cc #|ccn|check card"
    "|credit|credit card#|dankort|debit|debit card|diners club|discover|electron|elo verification code"
    "|japanese card bureau|jcb|mastercard|mc|pan|payment account number|payment card number|pcn|union pay|visa",
    "CreditCardSecurityCode": "card id|card identification code|card identification number|card security code"
    "|card validation code|card validation number|card verification data|card verification value|cvc|cvc2|cvv|cvv2"
    "|elo verification code",
    "DriversLicense-DE": "fuehrerschein|fuehrerschein- nr|fuehrerscheinnummer|fuhrerschein|führerschein"
    "|fuhrerschein- nr|führerschein- nr|fuhrerscheinnummer|führerscheinnummer",
    "DriversLicense-ES": "carnet conducer|el carnet de conducer|licencia conducer|licencia de manejo"
    "|número carnet conducer|número de carnet de conducer|número de permiso conducer|número de permiso de conducer"
    "|número licencia conducer|número permiso conducer|permiso conducción|permiso conducer|permiso de conducción",
    "DriversLicense-FI": "ajokortin numero|ajokortti|förare lic.|körkort|körkort nummer|kuljettaja lic."
    "|permis de conduire",
    "DriversLicense-SE": "ajokortin numero|dlno# ajokortti|drivere lic.|förare lic.|körkort|körkort nummer"
    "|körkortsnummer|kuljettajat lic.",
    "DriversLicense-US": _LICENSE_EN,
    "DrugEnforcementAgencyNumber-US": "dea number|dea registration",
    "HealthInsuranceNumber-FR": "carte d'assuré social|carte vitale|insurance card",
    "IndividualTaxIdentificationNumber-US": "individual taxpayer identification number|itin|i.t.i.n.",
    "InseeCode-FR": "assurance sociale|carte nationale d’identité|carte nationale d'identité|cni|code sécurité sociale"
    "|french social security number|fssn#|insee|insurance number|national id number|nationalid#|numéro d'assurance"
    "|sécurité sociale|sécurité sociale non.|sécurité sociale numéro|social|social security|social security number"
    "|socialsecuritynumber|ss#|ssn|ssn#",
    "LatLong": "coordinate|coordinates|lat long|latitude longitude|location|position",
    "MedicareBeneficiaryNumber-US": "mbi|medicare beneficiary",
    "NationalDrugCode-US": "national drug code|ndc",
    "NationalIdentificationNumber-DE": "ausweisnummer|id number|identification number|identity number|insurance number"
    "|personal id|personalausweis",
    "NationalIdentificationNumber-ES": "dni|dni#|dninúmero#|documento nacional de identidad|identidad único"
    "|identidadúnico#|insurance number|national identification number|national identity|nationalid#|nationalidno#"
    "|número nacional identidad|personal identification number|personal identity no|unique identity number|uniqueid#",
    "NationalIdentificationNumber-IT": "codice fiscal|codice fiscale|dati anagrafici|ehic|health card"
    "|health insurance card|p. iva|partita i.v.a.|personal data|tax code|tessera sanitaria",
    "NationalInsuranceNumber-GB": "insurance no.|insurance number|insurance#|national insurance number"
    "|nationalinsurance#|nationalinsurancenumber|nin|nino",
    "NationalProviderId-US": "hipaa|n.p.i|national provider|npi",
    "NhsNumber-GB": "national health service|nhs",
    "NieNumber-ES": _TAX_ES,
    "NifNumber-ES": _TAX_ES,
    "PassportNumber-DE": "ausstellungsdatum|ausstellungsort|geburtsdatum|passport|passports|reisepass|reisepass–nr"
    "|reisepass-nr|reisepassnummer",
    "PassportNumber-US": "passport|travel document",
    "PersonalHealthNumber-CA": "canada healthcare number|msp number|personal healthcare number|phn|soins de santé",
    "RgNumber-BR": "registro geral|rg",
    "SocialInsuranceNumber-CA": "canadian id|numéro d'assurance sociale|social insurance number|sin",
    "Ssn-ES": "número de la seguridad social|social security no.|social security number|socialsecurityno#|ssn|ssn#",
    "Ssn-US": "social security|ss#|ssn",
    "TaxId-DE": f"identifikationsnummer|steuer id|steueridentifikationsnummer|steuernummer|{_TAX}",
    "TaxId-ES": _TAX_ES,
    "TaxId-FR": f"numéro d'identification fiscale|{_TAX}|tin|tin#",
    "TaxId-GB": "paye|tax id|tax id no.|tax id number|tax identification|tax identification#|tax no.|tax number"
    "|tax reference|tax#|taxid#|temporary reference number|tin|trn|unique tax reference|unique taxpayer reference|utr",
    "VehicleIdentificationNumber": "fahrgestellnummer|niv|numarul de identificare|numarul seriei de sasiu|serie sasiu"
    "|numer vin|número de identificação do veículo|número de identificación de automóviles"
    "|numéro d'identification du véhicule|vehicle identification number|vin|vin numeris",
    "ZipCode-US": "zip code|zip+4",
}

KEYWORDS: dict[str, tuple[str, ...]] = {name: tuple(words.split("|")) for name, words in _WORDS.items()}
"""Keywords of each identifier that needs one."""


class Keywords:
    """Where the keywords of a text are; each is looked for once, however many identifiers ask for it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._small = _lower(text)
        self._found: dict[str, list[tuple[int, int]]] = {}

    def of(self, identifier: str) -> "Places":
        """Where this identifier's keywords are."""
        spans: list[tuple[int, int]] = []
        for word in KEYWORDS[identifier]:
            if word not in self._found:
                self._found[word] = list(self._spans(word))
            spans += self._found[word]
        return Places(spans)

    def _spans(self, word: str) -> Iterator[tuple[int, int]]:
        if not all(part in self._small for part in word.split()):
            return
        for match in _variants(word).finditer(self._small):
            if self._begins_word(match.start()) and self._ends_word(match.end()):
                yield match.span()

    def _begins_word(self, at: int) -> bool:
        before = self._text[at - 1 : at]
        # patientSsn: a capital after a small letter begins a word as well
        return not before.isalnum() or not self._text[at].isalnum() or (before.islower() and self._text[at].isupper())

    def _ends_word(self, end: int) -> bool:
        after = self._text[end : end + 2]
        if after[:1] in ("s", "S"):  # the plural
            after = after[1:]
        after = after[:1]
        return (
            not after.isalpha()
            or not self._text[end - 1].isalpha()
            or (after.isupper() and self._text[end - 1].islower())
        )


class Places:
    """Spans of keywords, asked whether one is near."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        spans = list(spans)
        self._starts = sorted(start for start, _ in spans)
        self._ends = sorted(end for _, end in spans)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def near(self, start: int, end: int) -> bool:
        """Whether a keyword ends at most `NEAR` characters before ``start`` or begins as near after ``end``."""
        before = bisect_left(self._ends, start - NEAR)
        after = bisect_left(self._starts, end)
        return (before < len(self._ends) and self._ends[before] <= start) or (
            after < len(self._starts) and self._starts[after] <= end + NEAR
        )


@cache
def _variants(word: str) -> re.Pattern[str]:
    return re.compile("[ _-]?".join(re.escape(part) for part in word.split(" ")))


def _lower(text: str) -> str:
    """Small letters, character by character where a letter would become two: positions must stay."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
