"""Secrets that stand in URLs and settings: nothing that is published may hold one."""

import re
from urllib.parse import parse_qsl, urlencode

_PARAMETERS = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "auth_token",
        "awsaccesskeyid",
        "hf_token",
        "password",
        "secret",
        "token",
        "x-amz-credential",
        "x-amz-security-token",
        "x-amz-signature",
        "x-goog-credential",
        "x-goog-signature",
    }
)
"""Names of parameters that let somebody in, in small letters."""
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{30,}|\bA(?:KIA|SIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}")
"""Tokens that say by their form what they are: of the Hub, of AWS, of GitHub."""
_NAME_AND_PASSWORD = re.compile(r"(?<=://)[^/?#\s@]+:[^/?#\s@]*@")


def secret_in(text: str) -> str:
    """What kind of secret a text holds, in words that do not tell it; empty where it holds none."""
    if _TOKEN.search(text):
        return "a token"
    if _NAME_AND_PASSWORD.search(text):
        return "a name and a password"
    named = next((name for name, _ in _parameters(text) if name.lower() in _PARAMETERS), "")
    return f"the parameter `{named}`" if named else ""


def without_secrets(url: str) -> str:
    """A URL without name, password and the parameters that let somebody in; any other URL as it is."""
    if not secret_in(url):
        return url
    bare = _TOKEN.sub("", _NAME_AND_PASSWORD.sub("", url))
    kept = [(name, value) for name, value in _parameters(bare) if name.lower() not in _PARAMETERS]
    address, hash_, fragment = bare.partition("#")
    address, _, _ = address.partition("?")
    return address + (f"?{urlencode(kept)}" if kept else "") + hash_ + fragment


def _parameters(url: str) -> list[tuple[str, str]]:
    if "://" not in url:
        return []
    query = url.partition("?")[2].partition("#")[0]
    return parse_qsl(query, keep_blank_values=True)
