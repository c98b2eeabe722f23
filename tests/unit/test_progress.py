"""The progress bar: quiet for short runs, wiped at the end, harmless when its terminal is gone."""

from __future__ import annotations

from pairloom._progress import Bar, progress_callback


class Stream:
    """A terminal that remembers what was written."""

    def __init__(self, broken=False):
        self.text = ""
        self.broken = broken

    def write(self, text):
        if self.broken:
            raise BrokenPipeError
        self.text += text

    def flush(self):
        pass


def test_the_bar_is_quiet_at_first_and_wiped_at_the_end():
    now = [0.0]
    stream = Stream()
    bar = Bar(stream, clock=lambda: now[0])
    bar(0.1)
    bar.close()
    assert stream.text == ""
    now[0] = 2.0
    bar(0.5)
    assert "50%" in stream.text
    assert "2 s left" in stream.text
    bar(0.6)
    assert "60%" not in stream.text, "drawn again too soon"
    bar.close()
    assert stream.text.endswith("\r\x1b[K")


def test_a_terminal_that_went_away_does_not_end_the_run():
    now = [0.0]
    bar = Bar(Stream(broken=True), clock=lambda: now[0])
    now[0] = 1.0
    bar(0.5)


def test_progress_may_be_a_function_or_nothing():
    assert progress_callback(False) is None
    assert progress_callback(print) is print
