"""Credentials out of what is sent to MLflow, shown or logged.

Two nets: names of keys that hold a credential (`_credential_names`), and shapes of credentials
inside of text. Both are made to leave ordinary text alone: a shape counts only where its letters
and digits look like a key's.

Every pattern runs in linear time: it starts with fixed characters, its repetitions are bounded
or cannot overlap with what follows, and what it has looked at is consumed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from ._credential_names import is_credential_name

MASK: Final = "***"
"""What stands in the place of a credential."""

_DEEPEST_VALUE = 200

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
    # A key that was cut has no end line; all of the rest is taken for it.
    r"(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_USER_INFORMATION = re.compile(
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.\-]{0,30}://)(?:"
    r"(?P<user>[^\s/?#\"'<>]{1,512})@"
    # A password with a slash or a number sign in it, told from a port and a path with an "@".
    r"|[^\s/?#:@\[\"'<>]{0,128}:(?![0-9]{0,5}[/?#])(?:(?!://)[^\s@\"'<>]){1,256}@)"
)
_NAMED_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?:ant|or-v1)-[A-Za-z0-9_\-]{12,}"
    r"|(?P<maybe_words>sk-(?:proj|svcacct|admin|lf|None|test|live)-[A-Za-z0-9_\-]{12,})"
    r"|sk-[A-Za-z0-9]{16,}"
    r"|gh[opusr]_[A-Za-z0-9]{16,}"
    r"|github_pat_[A-Za-z0-9_]{16,}"
    r"|glpat-[A-Za-z0-9_\-]{16,}"
    r"|(?:hf|gsk|r8|npm|xai|pplx|tgp_v1|sk_live|sk_test|rk_live)[_\-][A-Za-z0-9]{16,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    r"|xox[abeoprs]-[A-Za-z0-9\-]{10,}"
    r"|AIza[0-9A-Za-z_\-]{30,}"
    r"|ya29\.[0-9A-Za-z_\-]{20,}"
    r"|dapi[0-9a-f]{32}"
    r")"
)
_JSON_WEB_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]{6,}\.[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-]*){1,3}"
)
_SCHEME_AND_TOKEN = re.compile(
    r"(?i)(?P<before>(?P<header>authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?)?"
    r"\b(?P<scheme>bearer|basic|token)\s{1,4})(?P<token>[A-Za-z0-9._~+/=\-]{6,})"
)
_QUERY_PARAMETER = re.compile(
    r"(?P<before>[?&;](?P<name>[A-Za-z0-9_.\-]{1,64})=)(?P<value>[^&;?\s#\"'<>]+)"
)
_ASSIGNMENT = re.compile(
    r"(?<![\w.\-])(?P<quote>[\"']?)(?P<name>[A-Za-z][\w.\-]{2,63})(?P=quote)\s{0,4}[:=]\s{0,4}"
)
_ASSIGNED = re.compile(
    r"\"(?P<double>(?:[^\"\\\n]|\\.){4,})\"|'(?P<single>(?:[^'\\\n]|\\.){4,})'"
    r"|(?P<bare>[^\s\"'&;,()<>{}\[\]]{6,})"
)
_SIGNATURES: Final = frozenset({"sig", "signature", "x-amz-signature", "x-goog-signature"})
_SCHEMES_WITH_TOKEN_AS_USER: Final = frozenset({"http", "https", "git+http", "git+https"})


def mask_secrets(value: Any) -> Any:
    """A copy of JSON-like data in which `***` stands for each credential.

    Masked are all values under names that hold credentials (`api_key`, `Authorization`,
    `client_secret`, ... but not `max_tokens`), and credentials inside of any text. Booleans and
    None tell nothing and stay, wherever they are. Objects that are neither dict, list, tuple nor
    text are passed on as they are. The input is not changed.
    """
    return _masked(value, 0)


def mask_text(text: str) -> str:
    """Text in which `***` stands for each credential that has a known shape.

    Known are users in URLs, keys of the usual services, JSON web tokens, `Bearer` and `Basic`
    with a token, query parameters and assignments with the name of a credential, private keys.
    """
    for mask in _STEPS:
        text = mask(text)
    return text


def mask_uri(uri: str) -> str:
    """A URI without the credentials in its user part and in its query.

    Unlike `mask_text` this knows that all of it is one URI, and therefore also finds passwords
    with a space or a quotation mark in them.
    """
    scheme, separator, rest = uri.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    # Without a user part, a host may have a port and nothing else after a colon.
    is_host = re.fullmatch(r"\[.*|[^:]*(?::[0-9]*)?", authority) is not None
    user, at, _ = (authority if "@" in authority or is_host else rest).rpartition("@")
    if separator and at and _is_secret_user(scheme, user):
        uri = f"{scheme}://{MASK}{rest[len(user) :]}"
    return mask_text(uri)


def contains_secret(value: Any) -> bool:
    """Whether `mask_secrets` finds something to mask in `value`."""
    if not isinstance(value, str | Mapping | list | tuple):
        return False
    return bool(_masked(value, 0) != value)


def _masked(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth >= _DEEPEST_VALUE:
        # Too deep to look at, so nothing of it may leave.
        return MASK
    if isinstance(value, Mapping):
        return {
            name: MASK if _is_credential(name, element, value) else _masked(element, depth + 1)
            for name, element in value.items()
        }
    elements = [_masked(element, depth + 1) for element in value]
    return elements if isinstance(value, list) else tuple(elements)


def _is_credential(name: Any, value: Any, siblings: Mapping[Any, Any]) -> bool:
    if value is None or isinstance(value, bool) or (isinstance(value, str) and not value):
        return False
    if not isinstance(name, str) or not is_credential_name(name):
        return False
    if name.lower().endswith("token") and isinstance(value, int | float):
        # A number or a price of tokens.
        return False
    # In log probabilities a token is a piece of the model's output.
    return not (name == "token" and "logprob" in siblings)


def _mask_user(match: re.Match[str]) -> str:
    scheme, user = match["scheme"], match["user"]
    if user is not None and not _is_secret_user(scheme.removesuffix("://"), user):
        return match[0]
    return f"{scheme}{MASK}@"


def _is_secret_user(scheme: str, user: str) -> bool:
    """Whether the part before the `@` is more than a name.

    It is not in `ssh://git@host` and `abfss://container@account`; on the web a lone user is a
    token more often than not.
    """
    return ":" in user or scheme.lower() in _SCHEMES_WITH_TOKEN_AS_USER


def _mask_shape(match: re.Match[str]) -> str:
    # `sk-test-driven-development` is no key.
    words = match["maybe_words"]
    return match[0] if words and not re.search(r"[0-9]", words) else MASK


def _mask_token(match: re.Match[str]) -> str:
    token = match["token"]
    if match["header"] is None:
        scheme = match["scheme"].lower()
        if scheme == "token" or (scheme == "basic" and not _is_basic_credential(token)):
            return match[0]
        if scheme == "bearer" and not (len(token) >= 8 and re.search(r"[0-9]", token)):
            return match[0]
    return match["before"] + MASK


def _is_basic_credential(token: str) -> bool:
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return ":" in decoded and decoded.isprintable()


def _mask_query_parameter(match: re.Match[str]) -> str:
    if match["name"].lower() in _SIGNATURES or is_credential_name(match["name"]):
        return match["before"] + MASK
    return match[0]


def _mask_assignments(text: str) -> str:
    """Mask what is assigned to names of credentials, as `name=value` or `"name": "value"`.

    Values are looked at under such names only: what an innocent name is assigned may itself
    hold an assignment (`error: api_key=...`).
    """
    kept: list[str] = []
    done = position = 0
    while assignment := _ASSIGNMENT.search(text, position):
        position = assignment.end()
        if not is_credential_name(assignment["name"]):
            continue
        value = _ASSIGNED.match(text, position)
        if value is None:
            continue
        position = value.end()
        if _is_assigned_credential(assignment["name"], value["bare"]):
            quote = "" if value["bare"] is not None else value[0][0]
            kept += text[done : assignment.end()], quote, MASK, quote
            done = position
    return "".join(kept) + text[done:]


def _is_assigned_credential(name: str, bare: str | None) -> bool:
    """Whether a value without quotation marks is more than code, prose or a price.

    `password=getpass` is code, `secret: something` is prose, `per token: 0.00001` is a price.
    """
    if bare is None:
        return True
    if name.lower().endswith("token") and not re.search(r"[A-Za-z]", bare):
        return False
    return re.search(r"[0-9]", bare) is not None


_STEPS: Final[tuple[Callable[[str], str], ...]] = (
    partial(_PRIVATE_KEY.sub, MASK),
    partial(_USER_INFORMATION.sub, _mask_user),
    partial(_JSON_WEB_TOKEN.sub, MASK),
    partial(_NAMED_SHAPES.sub, _mask_shape),
    partial(_SCHEME_AND_TOKEN.sub, _mask_token),
    partial(_QUERY_PARAMETER.sub, _mask_query_parameter),
    _mask_assignments,
)
