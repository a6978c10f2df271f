"""Assertions that say what they saw."""


def equal(seen, expected):
    assert seen == expected, f"{seen!r}, not {expected!r}"
