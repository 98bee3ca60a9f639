"""An S3 API server on the loopback address, in a thread of the tests' own process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def s3_bucket(name: str) -> Iterator[str]:
    """The URL of an empty bucket; the environment says where its server is, to this process and to those it starts."""
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "tests")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        # an instance remembers the endpoint that it first met
        S3FileSystem.clear_instance_cache()
        S3FileSystem().mkdir(name)
        try:
            yield f"s3://{name}"
        finally:
            S3FileSystem.clear_instance_cache()
            server.stop()
