"""The price map in Parameter Store: `/{app}/{env}/billing/price_map/{priceId}` (requirement I16)."""

from typing import Any, Protocol, cast


class Parameters(Protocol):
    """The one operation of Parameter Store that is needed, as boto3 has it."""

    def get_parameters_by_path(self, **request: Any) -> dict[str, Any]:
        """Return a page of the parameters under a path."""
        ...


def ssm_client(region: str, endpoint_url: str | None = None) -> Parameters:
    """Return a client of Parameter Store; credentials come from where boto3 finds them."""
    from boto3.session import Session

    return cast("Parameters", Session().client("ssm", region_name=region, endpoint_url=endpoint_url))


def price_map(client: Parameters, path: str) -> dict[str, str]:
    """Return what lies under a path by the last part of its name, all pages. Raises what boto3 raises."""
    found: dict[str, str] = {}
    page: dict[str, Any] = {}
    while True:
        answer = client.get_parameters_by_path(Path=path, WithDecryption=True, **page)
        found |= {each["Name"].rpartition("/")[2]: each["Value"] for each in answer["Parameters"]}
        if not answer.get("NextToken"):
            return found
        page = {"NextToken": answer["NextToken"]}
