"""The loopback server of `benchmarks/download.py`: files over HTTP and HTTPS, a connection for each; a program of its own.

It does as little as a server can, so that what is measured is the client. Its first line of output names its two ports.
"""

import socket
import ssl
import sys
import threading
from pathlib import Path

_THREADS = 16


def main() -> None:
    """Serve until standard input ends: `download_server.py CERTIFICATE FOLDER`; /<n>.jpg is file n modulo their number."""
    answers = [_answer(path.read_bytes()) for path in sorted(Path(sys.argv[2]).iterdir())]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(sys.argv[1]))
    plain, sealed = _listener(), _listener()
    for _ in range(_THREADS):
        threading.Thread(target=_serve, args=(plain, answers, None), daemon=True).start()
        threading.Thread(target=_serve, args=(sealed, answers, context), daemon=True).start()
    print(plain.getsockname()[1], sealed.getsockname()[1], flush=True)
    sys.stdin.read()


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


def _answer(data: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + data


def _serve(listener: socket.socket, answers: list[bytes], context: ssl.SSLContext | None) -> None:
    while True:
        connection, _ = listener.accept()
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            number = int(request.split(b" ", 2)[1].strip(b"/").removesuffix(b".jpg"))
            connection.sendall(answers[number % len(answers)])
        except OSError:
            continue  # the client went away
        finally:
            connection.close()


if __name__ == "__main__":
    main()
