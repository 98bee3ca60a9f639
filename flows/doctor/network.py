"""What is reached over the network: Prefect's server, where one is named, and the Hub."""

import os
from pathlib import Path

import httpx2
from huggingface_hub import constants

from flows.doctor.findings import Finding, missing, ok, warning

SECONDS = 3.0
"""How long an answer may take."""


def check_prefect() -> Finding:
    """Whether the server of PREFECT_API_URL answers; without one, each run starts its own."""
    name = "Prefect server"
    url = _api_url().rstrip("/")
    if not url:
        return ok(name, "none is named by PREFECT_API_URL: each run starts its own")
    try:
        answer = httpx2.get(f"{url}/health", timeout=SECONDS, follow_redirects=True)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        return missing(
            name,
            f"{url} does not answer ({error})",
            "start it (`prefect server start`), or unset PREFECT_API_URL",
        )
    if answer.is_success:
        return ok(name, url)
    return missing(
        name, f"{url} answers {answer.status_code}", "PREFECT_API_URL must end in /api, as http://HOST:4200/api"
    )


def _api_url() -> str:
    """Prefect's API by the environment, or by the user's profile where there is one; importing Prefect takes seconds."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    if not (Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser() / "profiles.toml").is_file():
        return ""
    from flows.runners import api_url

    return api_url()


def check_hub() -> Finding:
    """Whether the Hub answers."""
    name = "Hub"
    if constants.is_offline_mode():
        return warning(name, "HF_HUB_OFFLINE is set: models come from the cache alone", "unset it to fetch models")
    try:
        answer = httpx2.head(constants.ENDPOINT, timeout=SECONDS, follow_redirects=True)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        return warning(
            name,
            f"{constants.ENDPOINT} does not answer ({error})",
            "models must lie in folders or in the Hub's cache; behind a proxy set HTTPS_PROXY",
        )
    if answer.is_server_error:
        return warning(name, f"{constants.ENDPOINT} answers {answer.status_code}", "try again later")
    return ok(name, constants.ENDPOINT)
