"""Runs scenarios over one transport in one version, and prints `ok NAME` for each
that went well. The test that calls it says which; see matrix.rs."""

import argparse
import secrets
import sys
import traceback

import both_versions
import only_v5
from client import Broker


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", choices=["tcp", "tls", "ws", "wss"], required=True)
    parser.add_argument("--version", choices=["3.1.1", "5.0"], required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("scenario", nargs="+")
    options = parser.parse_args()
    broker = Broker(options)
    has_failed = False
    for scenario in options.scenario:
        function = scenario.replace("-", "_")
        run = getattr(both_versions, function, None) or getattr(only_v5, function)
        try:
            # Others run against the same broker.
            run(broker, f"{scenario}-{secrets.token_hex(6)}")
            print("ok", scenario, flush=True)
        except Exception:
            has_failed = True
            print("FAILED", scenario, flush=True)
            traceback.print_exc(file=sys.stdout)
    # A scenario that failed leaves its connections open, and their threads.
    sys.stdout.flush()
    sys.exit(1 if has_failed else 0)


main()
