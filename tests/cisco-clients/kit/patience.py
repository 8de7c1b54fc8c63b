"""How long the tests wait for what must come."""

import time

# For an answer or a callback. What must come is there far sooner; a machine that is busy gets its time.
SOON = 15.0
# For a hub to start and to end.
START = 30.0
END = 10.0
# Between two looks at something that says nothing of its own accord.
LOOK = 0.02


def until(what, look, patience=SOON):
    """What `look` returns once that is true; fails, and says what was awaited, when it is not in time."""
    deadline = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {patience} s for {what() if callable(what) else what}"
        time.sleep(LOOK)
