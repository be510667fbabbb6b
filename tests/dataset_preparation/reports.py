"""What a preparation said."""

import json


def report_of(out):
    """report.json of a prepared folder."""
    return json.loads((out / "report.json").read_text())
