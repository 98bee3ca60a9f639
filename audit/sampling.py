"""Which images of a stream are looked at closely: a bounded number, shared out evenly among kinds."""

import heapq


class EvenSample:
    """Keeps at most `most` of all that is offered, of each kind as many as of every other, where it has as many.

    Of each kind the smallest places are kept. What is kept depends on what was offered, and not on its order.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = 0
        self._level = 0
        # the largest place on top: places are negated
        self._kinds: dict[str, list[tuple[float, int]]] = {}

    def offer(self, kind: str, place: float, index: int) -> int | None:
        """Take something in.

        Args:
            kind: what it is counted with.
            place: in [0, 1), drawn at random.
            index: what it is called; of equal places the later index goes first.

        Returns:
            The index of what is no longer kept, which may be the one that was offered; None where there is room.
        """
        heap = self._kinds.setdefault(kind, [])
        if self._kept < self._most:
            heapq.heappush(heap, (-place, -index))
            self._kept += 1
            self._level = max(self._level, len(heap))
            return None
        if len(heap) >= self._level:
            return -heapq.heappushpop(heap, (-place, -index))[1]
        heapq.heappush(heap, (-place, -index))
        fullest = max(self._kinds, key=lambda name: (len(self._kinds[name]), name))
        gone = -heapq.heappop(self._kinds[fullest])[1]
        self._level = max(len(kept) for kept in self._kinds.values())
        return gone
