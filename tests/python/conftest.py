import signal


def pytest_configure():
    """Some tests press Ctrl-C, which a process that a script started in the background does not hear."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
