from email.message import Message

import pytest

from sources.fetching.opt_out import opts_out


def headers(*lines: str) -> Message:
    message = Message()
    for line in lines:
        message["x-robots-tag"] = line
    return message


@pytest.mark.parametrize(
    "lines",
    [
        ("noai",),
        ("NoImageAI , all",),
        ("all", "noimageindex"),
        ("none",),
        ("*: noindex",),
        ("TwinSet : NoAI",),
        ("googlebot: nofollow, twinset: noarchive, noai",),
        ("max-image-preview: large, noai",),
        ("noai, max-snippet:-1",),
        ("unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT, noindex",),
    ],
)
def test_what_is_forbidden_to_all_or_to_this_program_is_not_used(lines: tuple[str, ...]):
    assert opts_out(headers(*lines), "twinset")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("",),
        ("all",),
        ("nofollow, noarchive",),
        ("googlebot: noindex, noai",),
        ("twinset: nofollow", "other: noai"),
        ("unavailable_after: 25 Jun 2025 15:00:00 GMT",),
        (": : ,",),
    ],
)
def test_what_forbids_something_else_or_to_others_is_no_opt_out(lines: tuple[str, ...]):
    assert not opts_out(headers(*lines), "twinset")
