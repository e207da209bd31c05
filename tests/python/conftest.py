import signal


def pytest_configure(config):
    """Some tests press Ctrl-C. A process that a script started in the background would not hear it: shells have it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
