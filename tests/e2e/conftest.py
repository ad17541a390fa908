from harness.fixtures import *  # noqa: F403
