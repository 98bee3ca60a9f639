import socket

import pytest
from streamlit import config

from manifests.errors import TwinsetError
from pages.app.server import check_address, options


def test_streamlit_knows_every_setting():
    known = config.get_config_options()
    assert set(options("127.0.0.1", 8501, browser=False)) <= set(known)


def test_nothing_is_told_to_anybody_and_other_sites_are_kept_out():
    chosen = options("127.0.0.1", 8501, browser=True)
    assert chosen["browser.gatherUsageStats"] is False
    assert chosen["client.showErrorDetails"] == "none"
    assert "127.0.0.1" in chosen["server.allowedHosts"]
    assert chosen["server.address"] == "127.0.0.1"


def test_no_page_waits_for_a_collection_of_all_garbage():
    assert options("127.0.0.1", 8501, browser=False)["runner.postScriptGC"] is False


def test_a_port_that_is_taken_is_named_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TwinsetError, match=f"127.0.0.1:{port}"):
            check_address("127.0.0.1", port)
    with pytest.raises(TwinsetError, match="cannot listen"):
        check_address("192.0.2.1", 8501)
    check_address("127.0.0.1", port)
