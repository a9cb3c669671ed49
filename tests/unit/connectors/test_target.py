"""The target that other tests rely on, in a thread of its own."""

import urllib.request

import pytest

from tests.support.target import Target, respond


def test_a_threaded_target_records_what_arrives() -> None:
    with Target.running() as target:
        target.script(respond(body="hello"))
        request = urllib.request.Request(f"{target.url}/x?y=1", data=b'{"a": 1}', method="POST")
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.read() == b"hello"
        (call,) = target.wait_for(1, timeout=30)
        assert (call.method, call.path, call.json()) == ("POST", "/x?y=1", {"a": 1})
        with pytest.raises(TimeoutError, match="1 of 2 calls"):
            target.wait_for(2, timeout=0.01)
