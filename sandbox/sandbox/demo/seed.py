"""`python -m sandbox.demo.seed`: gives the three seeded people their profiles, and the subscriber her subscription."""

import asyncio
import os
import sys
from pathlib import Path

import httpx2

from sandbox.demo.errors import StepFailed
from sandbox.demo.forms import expect
from sandbox.demo.paying import open_checkout, pay, wait_for_access
from sandbox.demo.platform import Platform, load_platform
from sandbox.demo.visitor import Visitor


async def seed(platform: Platform) -> None:
    """Do for each person what they would do themselves. Harmless to repeat."""
    await asyncio.gather(*(provision(platform, role, email) for role, email in platform.people.items()))


async def provision(platform: Platform, role: str, email: str) -> None:
    """Sign in, make the profile, and pay where the role is to have paid."""
    async with Visitor(platform, email, platform.password) as visitor:
        await visitor.sign_in()
        expect(await visitor.call("POST", "/user/v1/me", body={"id_token": visitor.tokens["id_token"]}), 200, 201)
        access = expect(await visitor.call("GET", "/payment/v1/me/access"), 200).json()
        if role == "subscriber" and not access["entitled"]:
            await pay(visitor, await open_checkout(visitor))
            await wait_for_access(visitor)


def main() -> int:
    """Seed the platform of PLATFORM_FILE; say in a sentence what went wrong."""
    try:
        asyncio.run(seed(load_platform(Path(os.environ["PLATFORM_FILE"]))))
    except (StepFailed, httpx2.HTTPError, LookupError, TypeError, ValueError) as error:
        sys.stderr.write(f"The seeded people could not be made: {str(error) or type(error).__name__}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
