"""An audit as plain values."""

from __future__ import annotations

import json

from candlecast.evaluation.audit import Audit, Finding


def test_an_audit_turns_into_plain_values() -> None:
    found = Audit((Finding("a", "b"), Finding("c", "d", leak="It leaks.", rows=2)), ("note",))
    document = json.loads(json.dumps(found.to_dict()))
    assert document["clean"] is False
    assert document["findings"][1] == {
        "subject": "c",
        "check": "d",
        "leak": "It leaks.",
        "rows": 2,
        "note": None,
    }
    assert document["notes"] == ["note"]
