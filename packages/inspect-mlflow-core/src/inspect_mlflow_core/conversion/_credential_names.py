"""Which names of keys, headers and query parameters hold a credential."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LONGEST_NAME = 128

_CREDENTIAL_WORDS: Final = frozenset(
    {
        "secret",
        "secrets",
        "password",
        "passwords",
        "passwd",
        "pwd",
        "passphrase",
        "passcode",
        "credential",
        "credentials",
        "authorization",
        "cookie",
        "cookies",
        "apikey",
        "apikeys",
        "accesskey",
        "secretkey",
        "privatekey",
        "authkey",
        "accesstoken",
        "authtoken",
        "bearertoken",
        "clientsecret",
        "connectionstring",
        "connstr",
    }
)
"""Words that make any name a credential's."""

_ABOUT_WORDS: Final = frozenset(
    {
        "name",
        "names",
        "env",
        "var",
        "variable",
        "file",
        "filename",
        "path",
        "dir",
        "length",
        "len",
        "size",
        "count",
        "policy",
        "type",
        "kind",
        "mode",
        "required",
        "enabled",
        "field",
        "prompt",
        "hint",
        "limit",
        "expiry",
        "expires",
        "ttl",
        "location",
        "url",
        "uri",
        "provider",
    }
)
"""Last words of names that speak about a credential and do not hold it."""

_KEY_OWNERS: Final = frozenset(
    {
        "api",
        "access",
        "secret",
        "private",
        "signing",
        "signature",
        "encryption",
        "account",
        "subscription",
        "ssh",
        "master",
        "admin",
        "shared",
        "client",
        "auth",
        "session",
        "openai",
        "anthropic",
        "azure",
        "google",
        "gemini",
        "hf",
        "huggingface",
        "groq",
        "mistral",
        "cohere",
        "together",
        "xai",
        "grok",
        "deepseek",
        "openrouter",
        "aws",
    }
)
"""`<owner>_key` is a credential; `primary_key`, `cache_key`, `answer_key` are not."""

_TOKENIZER_WORDS: Final = frozenset(
    {
        "max",
        "min",
        "num",
        "number",
        "total",
        "per",
        "eos",
        "bos",
        "pad",
        "unk",
        "sep",
        "cls",
        "mask",
        "stop",
        "start",
        "end",
        "first",
        "last",
        "next",
        "prev",
        "previous",
        "special",
        "begin",
        "image",
        "audio",
        "new",
        "input",
        "output",
        "prompt",
        "completion",
        "reasoning",
        "think",
        "thinking",
        "cached",
        "top",
        "any",
        "each",
        "by",
    }
)
"""`<word>_token` is a piece of text for a model, or a count of such pieces."""

_ENDINGS: Final = (
    ("auth",),
    ("jwt",),
    ("github", "pat"),
    ("conn", "str"),
    ("connection", "string"),
    ("access", "key", "id"),
    ("access", "signature"),
)


@lru_cache(maxsize=4096)
def is_credential_name(name: str) -> bool:
    """Whether what stands under this name is a credential.

    `api_key`, `X-Api-Key`, `authToken`, `AZURE_CLIENT_SECRET` and `hf_token` are; `max_tokens`,
    `token_limit`, `eos_token`, `primary_key` and `api_key_env` are not.
    """
    words = tuple(word.lower() for word in _WORD.findall(name[-_LONGEST_NAME:]))
    while len(words) > 1 and words[-1].isdigit():
        words = words[:-1]
    if not words or words[-1] in _ABOUT_WORDS:
        return False
    if not _CREDENTIAL_WORDS.isdisjoint(words):
        return True
    if any(words[-len(ending) :] == ending for ending in _ENDINGS):
        return True
    owner = words[-2] if len(words) > 1 else ""
    if words[-1] in ("key", "keys"):
        return owner in _KEY_OWNERS
    return words[-1] == "token" and owner not in _TOKENIZER_WORDS
