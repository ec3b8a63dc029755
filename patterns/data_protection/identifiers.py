"""The managed data identifiers of SNS message data protection, by category and country, and how to name others.

Source of the names, categories and countries, one page for each category:
https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-managed-data-identifiers.html
The list was read in its last openly archived form (May 2023): AWS may have added to it since, so a name that is
not here is a mistake unless you say that you mean it, with `Unlisted`.
"""

import difflib
import re
import warnings
from dataclasses import dataclass
from typing import Final, Literal, get_args

from patterns.errors import PatternError
from patterns.flow import limits

Category = Literal["credentials", "devices", "financial", "health", "personal"]

ManagedIdentifier = Literal[
    "Address",
    "AwsSecretKey",
    "BankAccountNumber-DE",
    "BankAccountNumber-ES",
    "BankAccountNumber-FR",
    "BankAccountNumber-GB",
    "BankAccountNumber-IT",
    "BankAccountNumber-US",
    "CepCode-BR",
    "Cnpj-BR",
    "CpfCode-BR",
    "CreditCardExpiration",
    "CreditCardNumber",
    "CreditCardSecurityCode",
    "DriversLicense-AT",
    "DriversLicense-AU",
    "DriversLicense-BE",
    "DriversLicense-BG",
    "DriversLicense-CA",
    "DriversLicense-CY",
    "DriversLicense-CZ",
    "DriversLicense-DE",
    "DriversLicense-DK",
    "DriversLicense-EE",
    "DriversLicense-ES",
    "DriversLicense-FI",
    "DriversLicense-FR",
    "DriversLicense-GB",
    "DriversLicense-GR",
    "DriversLicense-HR",
    "DriversLicense-HU",
    "DriversLicense-IE",
    "DriversLicense-IT",
    "DriversLicense-LT",
    "DriversLicense-LU",
    "DriversLicense-LV",
    "DriversLicense-MT",
    "DriversLicense-NL",
    "DriversLicense-PL",
    "DriversLicense-PT",
    "DriversLicense-RO",
    "DriversLicense-SE",
    "DriversLicense-SI",
    "DriversLicense-SK",
    "DriversLicense-US",
    "DrugEnforcementAgencyNumber-US",
    "ElectoralRollNumber-GB",
    "EmailAddress",
    "HealthInsuranceCardNumber-EU",
    "HealthInsuranceClaimNumber-US",
    "HealthInsuranceNumber-FR",
    "HealthcareProcedureCode-US",
    "IndividualTaxIdentificationNumber-US",
    "InseeCode-FR",
    "IpAddress",
    "LatLong",
    "MedicareBeneficiaryNumber-US",
    "Name",
    "NationalDrugCode-US",
    "NationalIdentificationNumber-DE",
    "NationalIdentificationNumber-ES",
    "NationalIdentificationNumber-IT",
    "NationalInsuranceNumber-GB",
    "NationalProviderId-US",
    "NhsNumber-GB",
    "NieNumber-ES",
    "NifNumber-ES",
    "OpenSshPrivateKey",
    "PassportNumber-CA",
    "PassportNumber-DE",
    "PassportNumber-ES",
    "PassportNumber-FR",
    "PassportNumber-GB",
    "PassportNumber-IT",
    "PassportNumber-US",
    "PermanentResidenceNumber-CA",
    "PersonalHealthNumber-CA",
    "PgpPrivateKey",
    "PhoneNumber",
    "PhoneNumber-BR",
    "PhoneNumber-DE",
    "PhoneNumber-ES",
    "PhoneNumber-FR",
    "PhoneNumber-GB",
    "PhoneNumber-IT",
    "PhoneNumber-US",
    "PkcsPrivateKey",
    "PostalCode-CA",
    "PuttyPrivateKey",
    "RgNumber-BR",
    "SocialInsuranceNumber-CA",
    "Ssn-ES",
    "Ssn-US",
    "TaxId-DE",
    "TaxId-ES",
    "TaxId-FR",
    "TaxId-GB",
    "VehicleIdentificationNumber",
    "ZipCode-US",
]

_CATEGORIES: Final[dict[Category, str]] = {
    "credentials": "AwsSecretKey OpenSshPrivateKey PgpPrivateKey PkcsPrivateKey PuttyPrivateKey",
    "devices": "IpAddress",
    "financial": "BankAccountNumber CreditCardExpiration CreditCardNumber CreditCardSecurityCode",
    "health": "DrugEnforcementAgencyNumber HealthInsuranceCardNumber HealthInsuranceClaimNumber "
    "HealthInsuranceNumber HealthcareProcedureCode MedicareBeneficiaryNumber NationalDrugCode "
    "NationalProviderId NhsNumber PersonalHealthNumber",
}
_CATEGORY_OF: Final[dict[str, Category]] = {
    base: category for category, names in _CATEGORIES.items() for base in names.split()
}

ARN_PREFIX: Final = "arn:aws:dataprotection::aws:data-identifier/"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One managed data identifier as AWS lists it.

    Attributes:
        name: the name at the end of its ARN, for example ``Ssn-US``.
        category: the documentation page that it stands on. ``NationalInsuranceNumber-GB`` has its ARN among the
            health identifiers and its description and category among the personal ones: ``personal`` here.
        country: two letters (``EU`` for the European health card), or ``None`` where it is not bound to one.
    """

    name: str
    category: Category
    country: str | None

    @property
    def arn(self) -> str:
        """The ARN that stands in a policy document."""
        return ARN_PREFIX + self.name


def _listed(name: str) -> Identifier:
    base, _, country = name.partition("-")
    return Identifier(name, _CATEGORY_OF.get(base, "personal"), country or None)


CATALOGUE: Final[dict[str, Identifier]] = {name: _listed(name) for name in get_args(ManagedIdentifier)}

# Described on the documentation pages, with no ARN listed for them.
DESCRIBED_ONLY: Final = ("CreditCardMagneticStripe", "DateOfBirth")

_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_REGEX = re.compile(r"[A-Za-z0-9_#=@/;, ^$?\[\]{}|\\*+.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A managed data identifier that AWS has and this library does not know: allowed, with a warning.

    Args:
        name: the end of its ARN, letters, digits, ``_`` and ``-``, for example ``Unlisted("DateOfBirth")``.

    Raises:
        PatternError: a name that cannot be one, or that is in the catalogue (then name it plainly).
    """

    name: str

    def __post_init__(self) -> None:
        _check_name("Unlisted.name", self.name)
        if self.name in CATALOGUE:
            raise PatternError(f"Unlisted.name must not be in the catalogue, got {self.name!r}: name it plainly")


@dataclass(frozen=True, slots=True)
class CustomIdentifier:
    """Sensitive data of your own, found by a regular expression: ``CustomIdentifier("EmployeeId", r"EID-\\d{9}")``.

    Args:
        name: 1 to 128 letters, digits, ``_`` and ``-``; not the name of a managed identifier.
        regex: 1 to 200 characters: letters, digits, space, ``_ # = @ / ; , -`` and ``^ $ ? [ ] { } | \\ * + .``.
            There are no parentheses, so no groups. The relay reads it with the meaning that such an expression has
            in Python, takes the longest match from the left, and needs time proportional to the message.

    Raises:
        PatternError: naming ``name`` or ``regex``, what is allowed and what was given.

    https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-custom-data-identifiers.html
    """

    name: str
    regex: str

    def __post_init__(self) -> None:
        _check_name("CustomIdentifier.name", self.name)
        if self.name in CATALOGUE:
            raise PatternError(
                f"CustomIdentifier.name must not be the name of a managed data identifier, got {self.name!r}"
            )
        low, high = limits.SNS_PROTECTION_CUSTOM_REGEX_CHARACTERS
        if not isinstance(self.regex, str) or not low <= len(self.regex) <= high:
            given = len(self.regex) if isinstance(self.regex, str) else repr(self.regex)
            raise PatternError(f"CustomIdentifier.regex must be {low} to {high} characters, got {given}")
        if not _REGEX.fullmatch(self.regex):
            bad = next(c for c in self.regex if not _REGEX.fullmatch(c))
            raise PatternError(
                "CustomIdentifier.regex must be of letters, digits, space and _#=@/;,-^$?[]{}|\\*+. only, "
                f"got {bad!r} in {self.regex!r}"
            )
        try:
            with warnings.catch_warnings():  # about syntax that Python may give a meaning to one day
                warnings.simplefilter("ignore")
                re.compile(self.regex)
        except (re.error, OverflowError) as error:
            raise PatternError(
                f"CustomIdentifier.regex must be a regular expression, got {self.regex!r}: {error}"
            ) from None


AnyIdentifier = ManagedIdentifier | Unlisted | CustomIdentifier


def check_identifier(path: str, identifier: object) -> None:
    """Refuse what is neither in the catalogue, nor said to be unlisted, nor a custom identifier."""
    if isinstance(identifier, Unlisted | CustomIdentifier):
        return
    if isinstance(identifier, str):
        name = identifier.removeprefix(ARN_PREFIX)
        if identifier in CATALOGUE:
            return
        if name in CATALOGUE:
            raise PatternError(f"{path} must be a name, not an ARN: {name!r}, got {identifier!r}")
        near = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.75)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise PatternError(
            f"{path} must be a managed data identifier of the catalogue, a CustomIdentifier, or "
            f"Unlisted(name) for one that AWS has added since, got {identifier!r}{hint}"
        )
    raise PatternError(
        f"{path} must be a managed data identifier of the catalogue, a CustomIdentifier or an Unlisted, "
        f"got {identifier!r}"
    )


def _check_name(path: str, name: object) -> None:
    low, high = limits.SNS_PROTECTION_CUSTOM_NAME_CHARACTERS
    if not isinstance(name, str) or not low <= len(name) <= high or not _NAME.fullmatch(name):
        raise PatternError(f"{path} must be {low} to {high} letters, digits, '_' or '-', got {name!r}")
