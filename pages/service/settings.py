"""What a service allows: how large, how many, how often, and from where."""

from dataclasses import dataclass, field

MIB = 2**20


@dataclass(frozen=True)
class ServiceSettings:
    """The limits of a service.

    Attributes:
        max_bytes: longest body of a request, and longest file behind a URL.
        max_images: images in one request.
        max_pixels: width times height of an image; larger ones are refused before they are decoded.
        queue: requests that are read or wait for their answer at the same time; the next one is refused.
        rate: images a second that one client may send in the long run; 0: any number.
        burst: images that a client which was quiet may send at once.
        batch: images that the network judges at a time.
        decoders: images that are decoded at the same time.
        body_seconds: time that a request's body may take to arrive.
        url_seconds: time that a URL may take to answer in all.
        private_hosts: hosts that may be asked for images although their addresses are not on the public internet.
        served_as: names of this service that a request's Host header may bear; empty: any.
    """

    max_bytes: int = 32 * MIB
    max_images: int = 32
    max_pixels: int = 50_000_000
    queue: int = 64
    rate: float = 50.0
    burst: int = 200
    batch: int = 32
    decoders: int = 4
    body_seconds: float = 60.0
    url_seconds: float = 15.0
    private_hosts: frozenset[str] = field(default_factory=frozenset)
    served_as: frozenset[str] = field(default_factory=frozenset)
