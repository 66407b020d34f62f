"""`make bench`: every figure as a ratio to a baseline of the same run; options: `python -m tests.bench --help`.

A no-op is a bare aiohttp application on the same event loop in one process: same method, same size of request and of
answer. Its rounds alternate with those of the measured route, so that whatever else the machine does meets both.
"""
