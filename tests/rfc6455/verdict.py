"""Reads the report of one run: verdict.py INDEX_JSON CASES; fails unless that many cases ran and all passed."""

import collections
import json
import sys

# Here the text is wrong in the middle of a frame, and tungstenite looks at whole frames.
MAY_BE_NON_STRICT = {"6.4.3", "6.4.4"}


def has_passed(case, result):
    behavior = result["behavior"]
    if behavior == "NON-STRICT":
        return case in MAY_BE_NON_STRICT
    return behavior in ("OK", "INFORMATIONAL") and result["behaviorClose"] in ("OK", "INFORMATIONAL")


def main():
    path, expected = sys.argv[1], int(sys.argv[2])
    with open(path, encoding="utf-8") as report:
        agents = json.load(report)
    cases = {case: result for agent in agents.values() for case, result in agent.items()}
    counts = collections.Counter(result["behavior"] for result in cases.values())
    failed = sorted(case for case, result in cases.items() if not has_passed(case, result))
    print(path, len(cases), "cases:", dict(sorted(counts.items())))
    for case in failed:
        print("  failed:", case, cases[case]["behavior"], cases[case]["behaviorClose"])
    if failed or len(cases) != expected:
        sys.exit(f"{path}: {len(failed)} failed, {len(cases)} of {expected} cases ran")


main()
