"""API Gateway, held to AWS; and a second deployment."""

import httpx

from headgate_local.deploy import deploy
from tests.integration.emulated import Emulated


def test_the_api_hands_raw_bytes_headers_and_query_to_the_function(emulated: Emulated) -> None:
    url = f"{emulated.endpoint}/_aws/execute-api/{emulated.outputs['ApiId']}"
    answer = httpx.post(
        f"{url}/echo/me?a=1&b=%20x",
        content=b'{"x": 1}\n',
        headers={"content-type": "application/json", "x-signature": "AbC", "cookie": "s=1; t=2"},
    )
    seen = answer.json()
    assert seen["body"] == '{"x": 1}\n'
    assert seen["headers"]["x-signature"] == "AbC"
    assert (seen["path"], seen["query"], seen["names"]) == ("/echo/me", "a=1&b=%20x", {"name": "me"})
    assert seen["cookies"] == ["s=1", "t=2"]
    assert answer.headers.get_list("set-cookie") == ["a=1; HttpOnly", "b=2"]
    assert httpx.get(f"{url}/nothing").status_code == 404
    assert httpx.get(f"{url}/things/one/two").json()["names"] == {"proxy": "one/two"}


def test_deploying_again_changes_nothing(emulated: Emulated) -> None:
    again = deploy(
        emulated.places,
        emulated.places.project / "template.yaml",
        emulated.endpoint,
        {"ConsoleUrl": "http://127.0.0.1:1", "RunnerImage": "none", "SubnetIds": "subnet-local"},
    )
    assert again == emulated.outputs
