from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_core.conversion import (
    contains_secret,
    is_credential_name,
    mask_secrets,
    mask_text,
    mask_uri,
)

# Put together here, so that no scanner of repositories takes this file for a leak.
SECRETS = [
    "sk-" + "abcdefghijklmnop1234",
    "sk-" + "ant-api03-AbC_def-1234567890",
    "sk-" + "proj-Abc123Abc123Abc123",
    "sk-" + "or-v1-0123456789abcdef",
    "gh" + "p_0123456789abcdefABCDEF0123456789abcd",
    "github" + "_pat_11ABCDEFG0123456789_abcdefgh",
    "gl" + "pat-abcdef1234567890wxyz",
    "hf" + "_abcdefABCDEFabcdefABCDEF12345678",
    "gs" + "k_abcdef1234567890ABCDEF",
    "AK" + "IAIOSFODNN7EXAMPLE",
    "xo" + "xb-1234567890-abcdefghij",
    "xo" + "xp-1234567890-abcdefghij",
    "AI" + "zaSyA1234567890abcdefghijklmnopqrstuv",
    "ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "dapi" + "0123456789abcdef0123456789abcdef",
    "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE" + " KEY-----",
    "-----BEGIN PRIVATE" + " KEY-----\nMIIEow that was cut",
]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret[:12])
@pytest.mark.parametrize("around", ["{}", "a {} b", "key={}", '"{}"', "({})", "'k': '{}',", "é{}"])
def test_known_shapes_are_masked_anywhere(secret: str, around: str) -> None:
    masked = mask_text(around.format(secret))
    assert "***" in masked
    assert secret not in masked
    assert secret[12:24] not in masked
    assert contains_secret([{"text": around.format(secret)}])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://u:hunter2@h:5000/x", "http://***@h:5000/x"),
        ("see https://token@h/x for more", "see https://***@h/x for more"),
        ("postgresql+psycopg2://u:p@ss@h/db", "postgresql+psycopg2://***@h/db"),
        ("redis://:pw@h", "redis://***@h"),
        ("mysql://u:a/b#c@h/db", "mysql://***@h/db"),
        ("http://a:1,http://u:p@h", "http://a:1,http://***@h"),
        ("Authorization: Bearer abcdefg", "Authorization: Bearer ***"),
        ("curl -H 'authorization: Basic dXNlcjpwYXNz'", "curl -H 'authorization: Basic ***'"),
        ("sent Bearer abc123def456", "sent Bearer ***"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic ***"),
        ("https://h/x?api_key=abc&n=5&token=zz#f", "https://h/x?api_key=***&n=5&token=***#f"),
        ("https://h/x?sv=1&sig=a%2Fb", "https://h/x?sv=1&sig=***"),
        ("https://h/x?max_tokens=5&next_token=b", "https://h/x?max_tokens=5&next_token=b"),
        ("AccountKey=abc123==;EndpointSuffix=x", "AccountKey=***;EndpointSuffix=x"),
        ('{"api_key": "abcd", "max_tokens": 5}', '{"api_key": "***", "max_tokens": 5}'),
        ("failed: api_key='abcdef'", "failed: api_key='***'"),
        ("error: password=hunter2", "error: password=***"),
        ('note: "password=hunter2"', 'note: "password=***"'),
        ("X-Api-Key: abcdef123", "X-Api-Key: ***"),
    ],
)
def test_credentials_in_text(text: str, expected: str) -> None:
    assert mask_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the token limit was reached after 4096 tokens",
        "sk-learn, scikit-learn and sk-test-driven-development",
        "a risk-averse task-oriented disk-1234567890123456789012",
        "Basic arithmetic questions; bearer instruments; basic understanding of tokens",
        "What is the password? The secret: nobody knows.",
        "password = getpass()",
        "api_key = os.environ['OPENAI_API_KEY']",
        "cost per token: 0.000015, tokens: 128000, max_tokens=2048",
        "ssh://git@github.com/org/repo and abfss://container@account.dfs.core.windows.net/x",
        "http://host:8080/path@x, http://host/a:b@c, http://[::1]:5000/a@b",
        "mysql://root@localhost/db",
        "mail someone@example.com, mailto:someone@example.com",
        "openai/gpt-4o-mini ollama/llama3:8b hf/org/model@main",
        "GRADE: C",
        "x = 1; y = 2; z: 3",
        "eyJ is how base64 of JSON begins",
        '{"role": "user", "content": "2 + 2 = ?"}',
        "sqlite:///mlflow.db",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert mask_text(text) == text
    assert not contains_secret({"text": [text]})


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apikey",
        "apiKey",
        "APIKey",
        "x-api-key",
        "OPENAI_API_KEY",
        "openai_key",
        "access_token",
        "auth_token",
        "hf_token",
        "token",
        "authToken",
        "session_token",
        "client_secret",
        "secret",
        "SECRET_KEY",
        "password",
        "db_password",
        "passwd",
        "authorization",
        "Proxy-Authorization",
        "cookie",
        "Set-Cookie",
        "credential",
        "credentials",
        "aws_access_key_id",
        "AWS_SECRET_ACCESS_KEY",
        "private_key",
        "connection_string",
        "connectionString",
        "api_key_2",
        "basic_auth",
        "jwt",
        "account_key",
        "api.key",
    ],
)
def test_names_of_credentials(name: str) -> None:
    assert is_credential_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "max_tokens",
        "tokens",
        "token_limit",
        "input_tokens",
        "total_tokens",
        "output_tokens_per_second",
        "eos_token",
        "pad_token",
        "next_token",
        "max_token",
        "per_token",
        "primary_key",
        "foreign_key",
        "cache_key",
        "answer_key",
        "key",
        "public_key",
        "author",
        "authority",
        "secretary",
        "api_key_env",
        "api_key_name",
        "token_count",
        "password_length",
        "tokenizer",
        "monkey",
        "keyboard",
        "accuracy",
    ]
    + ["", "_", "日本"],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_credential_name(name)


def test_values_under_names_of_credentials() -> None:
    value = {
        "model": "openai/gpt-4o",
        "api_key": "anything",
        "extra_headers": {"X-Api-Key": "anything", "Accept": "json"},
        "credentials": {"user": "me", "key": ["a", "b"]},
        "nested": [{"password": 1234}, ("x", {"hf_token": "t"})],
        "max_tokens": 100,
        "token": "abc",
        "pass_token": 5,
    }
    before = copy.deepcopy(value)
    assert mask_secrets(value) == {
        "model": "openai/gpt-4o",
        "api_key": "***",
        "extra_headers": {"X-Api-Key": "***", "Accept": "json"},
        "credentials": "***",
        "nested": [{"password": "***"}, ("x", {"hf_token": "***"})],
        "max_tokens": 100,
        "token": "***",
        "pass_token": 5,
    }
    assert value == before
    assert contains_secret(value)


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": None, "secret": True, "password": ""},
        {"token": "Hello", "logprob": -0.5, "bytes": [72]},
        {"max_tokens": 5, "tokens": ["a", "b"]},
        {1: "a", None: 2.5},
        None,
        7,
        [float("nan")],
    ],
)
def test_what_holds_no_secret_stays(value: Any) -> None:
    masked = mask_secrets(value)
    assert repr(masked) == repr(value)
    assert not contains_secret(value)


def test_other_objects_pass_through() -> None:
    thing = object()
    assert mask_secrets({"a": thing})["a"] is thing
    assert not contains_secret(thing)


def test_endless_data_ends() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    assert "***" in repr(mask_secrets(endless))


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://u:p@h:5000/x?token=1", "http://***@h:5000/x?token=***"),
        ("http://u:p w@h/x", "http://***@h/x"),
        ("postgresql://u:p'\"/w@h/db", "postgresql://***@h/db"),
        ("http://u:p?q@h", "http://***@h"),
        ("https://token@h", "https://***@h"),
        ("https://u@example.com:pw@h/x", "https://***@h/x"),
        ("http://h:5000/a@b", "http://h:5000/a@b"),
        ("http://[::1]:5000/a@b", "http://[::1]:5000/a@b"),
        ("abfss://c@account/x", "abfss://c@account/x"),
        ("sqlite:///a/b@c.db", "sqlite:///a/b@c.db"),
        ("databricks://profile", "databricks://profile"),
        ("./mlruns", "./mlruns"),
        ("", ""),
    ],
)
def test_uris(uri: str, expected: str) -> None:
    assert mask_uri(uri) == expected


WORDS = st.sampled_from(
    [*SECRETS, "http://u:p@h", "password=", "token:", '"', "'", " ", "=", "Bearer ", "@", "a1b2c3"]
    + ["://", "?key=", "api_key", ";", "\n", "***", "***@", "Basic dXNlcjpwYXNz", "eyJ", "sk-"]
)
TEXTS = st.lists(WORDS | st.text(max_size=4), max_size=12).map("".join)
# Keys without anything between them are found one after the other, hence the spaces.
SPACED_TEXTS = st.lists(WORDS | st.text(max_size=4), max_size=12).map(" ".join)


@given(TEXTS, st.sampled_from(SECRETS[:10]), TEXTS)
def test_a_key_is_found_in_any_company(before: str, secret: str, after: str) -> None:
    masked = mask_text(f"{before} {secret} {after}")
    assert f" {secret} " not in masked


@given(SPACED_TEXTS)
def test_nothing_is_left_to_mask(text: str) -> None:
    masked = mask_text(text)
    assert mask_text(masked) == masked


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "abc:",
        "http://",
        "a.b-c://",
        'abc:"',
        "eyJaaaaaa.",
        "eyJ",
        "Bearer ",
        "password=",
        "?a=b",
    ]
    + ["password:", 'password:"\\"', "sk-", "sk-ant-", "authorization:", "x://a:", "a:@", "'a'"]
    + ["-----BEGIN PRIVATE" + " KEY-----", "api_key=", ";a=", "=", "xoxb-", "ghp_", " " * 10],
)
def test_long_text_takes_linear_time(piece: str) -> None:
    # Quadratic time would need hours for a million characters, and the limit above is generous.
    mask_text(piece * (1_000_000 // len(piece)))
