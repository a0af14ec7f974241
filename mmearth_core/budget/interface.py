"""What the code that sends requests asks of a budget, whoever else shares it."""

from contextlib import AbstractContextManager
from typing import Protocol


class RequestBudget(Protocol):
    """So many requests under way at once, and so many a second; from any number of threads.

    `LocalBudget` is one process's own; `SharedBudget` is one for all processes that name the same folder.
    Either is a context manager that closes itself.

    Example:
        with SharedBudget(folder, slots=40, per_second=100, want=40) as budget:
            with budget.permit():
                answer = send(request)
    """

    @property
    def slots(self) -> int:
        """Requests that this process may have under way just now; 0 while it waits for its turn."""
        ...

    def permit(self) -> AbstractContextManager[None]:
        """Waits until one request may be sent, and counts it as under way until the block is left.

        Each try of a request needs a permit of its own; the pause between two tries holds none.

        Raises:
            RunStoppedError: when the budget was ended, or its folder can no longer be used.
        """
        ...

    def limit(self, concurrent: int | None, give_back: bool = False) -> None:
        """Has this process use fewer slots than it holds, as when the server asks to slow down.

        What is under way goes on; only what follows waits.

        Args:
            concurrent: requests under way at once, at least 1; None for as many as there are slots.
            give_back: others may have the slots that are then not used, until the limit is raised again.
        """
        ...

    def report(self, **counters: int | float | str) -> None:
        """Says something about this process, for `live_tasks` to show: `done=17`, `shard="3/40"`.

        Keys said before stay until they are said anew. Cheap: it is written with a later heartbeat.
        """
        ...

    def end(self) -> None:
        """Lets nobody wait any longer: every waiting and every later `permit` raises. What is under way goes on."""
        ...

    def close(self) -> None:
        """Ends, waits a little for what is under way, and gives back the slots. May be called again."""
        ...
