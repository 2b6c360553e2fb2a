"""The product's main job, step by step, as a new reader and an admin meet it. Each returns what a person would note."""

import asyncio
import base64
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2
import orjson

from sandbox.demo.errors import NotSubscribed, StepFailed
from sandbox.demo.forms import expect
from sandbox.demo.paying import open_checkout, pay, wait_for_access
from sandbox.demo.platform import Platform
from sandbox.demo.reading import Listener, Reading, read_story
from sandbox.demo.visitor import Visitor

STORY = {
    "prompt": "A lighthouse keeper vanishes in the winter of 1954; the lamp was lit for three nights after.",
    "length": "short",
}
_MOST_STORIES = 50


@dataclass(slots=True)
class Journey:
    """One new reader's way through the platform."""

    platform: Platform
    reader: Visitor
    listen: Listener
    key: str = field(default_factory=lambda: str(uuid4()))
    story: Reading = field(default_factory=Reading)
    user_id: str = ""
    checkout_url: str = ""
    unlock_seconds: float = 5.0

    async def sign_up(self) -> str:
        """Sign up, confirm by mail, sign in; the token is Cognito's."""
        await self.reader.sign_up()
        await self.reader.sign_in()
        header, claims = _parts(self.reader.tokens["access_token"])
        _check(header["alg"] == "RS256", "the token is signed with RS256", header)
        use = claims["token_use"]
        _check(use == "access", "it is an access token", use)
        _check(claims["client_id"] == self.platform.client_id, "it is made for the web client", claims)
        self.user_id = claims["sub"]
        return f"{self.reader.email} has an RS256 access token of {claims['client_id']}"

    async def provision(self) -> str:
        """Make the profile."""
        body = {"id_token": self.reader.tokens["id_token"]}
        profile = expect(await self.reader.call("POST", "/user/v1/me", body=body), 201).json()
        _check(profile["id"] == self.user_id, "the profile is that person's", profile)
        return f"profile {profile['id']}"

    async def be_refused(self) -> str:
        """Ask for a story without a subscription."""
        answer = expect(await self._post_story(), 402).json()
        _check(answer["code"] == "subscription_required", "the code says why", answer)
        _check(answer["action"]["type"] == "checkout", "the answer says what to do", answer)
        return f"402 {answer['code']} -> {answer['action']['href']}"

    async def subscribe(self) -> str:
        """Pay on Stripe's page, and wait until the platform knows."""
        self.checkout_url = await open_checkout(self.reader)
        await pay(self.reader, self.checkout_url)
        waited = await wait_for_access(self.reader)
        subscription = expect(await self.reader.call("GET", "/payment/v1/me/subscription"), 200).json()
        return f"paid with 4242...; {subscription['plan_code']} is {subscription['status']} after {waited:.2f} s"

    async def read(self) -> str:
        """Read the story as it is written, as soon as the gate lets this reader in."""
        self.story, waited = await self._read_when_unlocked()
        self.listen("\n")
        done = self.story.done
        _check(done["billing"] == "settled", "the story is charged", done)
        _check(not self.story.replayed, "it is a new story", done)
        words = len(self.story.text.split())
        usage = f"{done['usage']['total_tokens']} tokens used, {done['price']} charged"
        pace = f"{words} words in {self.story.windows} windows, the first after {self.story.first_words_ms} ms"
        return f"let in after {waited:.1f} s; {pace}; {usage}"

    async def look_again(self) -> str:
        """Fetch the latest story, and what it cost."""
        latest = expect(await self.reader.call("GET", "/story/v1/stories/latest"), 200).json()
        _check(latest["body"] in self.story.text, "the latest story is the one that was read", latest["id"])
        usage = await self.usage()
        _check(usage["stories.day"]["settled"] == 1, "one story is counted", usage)
        _check(usage["tokens.month"]["settled"] > 0, "its tokens are settled", usage)
        _check(usage["tokens.month"]["reserved"] == 0, "nothing stays reserved", usage)
        return f"one story and {usage['tokens.month']['settled']} tokens settled"

    async def repeat(self) -> str:
        """Send the same request with the same key."""
        again = await read_story(self.reader, STORY, self.key, lambda _: None)
        _check(again.replayed, "the answer says that it is a replay", again.meta)
        _check(again.text == self.story.text, "the story is the same to the letter", again.done)
        usage = await self.usage()
        _check(usage["stories.day"]["settled"] == 1, "nothing is charged again", usage)
        return "same story, Idempotent-Replayed: true, nothing charged"

    async def use_up(self) -> str:
        """Write stories until the day's limit says wait."""
        for written in range(1, _MOST_STORIES):
            answer = await self._post_story()
            if answer.status_code == httpx2.codes.TOO_MANY_REQUESTS:
                problem = answer.json()
                _check(problem["meter"] == "stories.day", "the day's limit is the one that holds", problem)
                _check(bool(problem["resets_at"]), "it says when to come back", problem)
                return f"after {written} stories: 429 {problem['code']} until {problem['resets_at']}"
            await self._until_written(expect(answer, 202).json()["generation"]["id"])
        raise StepFailed(f"{_MOST_STORIES} stories in a day, and no limit held.")

    async def be_seen(self) -> str:
        """Look at the reader as an admin; nobody else may."""
        path = f"/admin/v1/users/{self.user_id}"
        expect(await self.reader.call("GET", path), 403)
        expect(await self.reader.http.get(f"{self.platform.web}{path}"), 401)
        async with Visitor(self.platform, self.platform.people["admin"], self.platform.password) as admin:
            await admin.sign_in()
            view = expect(await admin.call("GET", path), 200).json()
        _check(view["partial"] == [], "every service answered", view["partial"])
        _check(view["profile"]["email"] == self.reader.email, "the profile is there", sorted(view))
        _check(view["billing"]["subscription"]["status"] == "active", "so is the subscription", view["billing"])
        _check(view["billing"]["invoices"][0]["status"] == "paid", "and the invoice", view["billing"])
        _check(view["usage"]["meters"]["stories.day"]["settled"] >= 1, "and the usage", view["usage"])
        return "profile, subscription, invoice and usage in one answer; a reader gets 403, nobody 401"

    async def usage(self) -> dict[str, Any]:
        """Return the meters by name."""
        meters: dict[str, Any] = expect(await self.reader.call("GET", "/story/v1/usage"), 200).json()["meters"]
        return meters

    async def _post_story(self) -> httpx2.Response:
        return await self.reader.call("POST", "/story/v1/stories", body=STORY, Idempotency_Key=str(uuid4()))

    async def _read_when_unlocked(self) -> tuple[Reading, float]:
        """Try until story_service has heard of the payment; it has `unlock_seconds`."""
        started = time.perf_counter()
        while True:
            waited = time.perf_counter() - started
            try:
                return await read_story(self.reader, STORY, self.key, self.listen), waited
            except NotSubscribed:
                if waited > self.unlock_seconds:
                    raise
                await asyncio.sleep(0.1)

    async def _until_written(self, generation_id: str) -> None:
        while True:  # the step's patience ends it
            seen = expect(await self.reader.call("GET", f"/story/v1/generations/{generation_id}"), 200).json()
            if seen["state"] == "succeeded":
                return
            if seen["state"] not in {"accepted", "running", "finishing"}:
                raise StepFailed(f"A story ended as {seen['state']}.")
            await asyncio.sleep(0.05)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return _json(header), _json(claims)


def _json(part: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value


def _check(holds: bool, expectation: str, seen: object) -> None:
    if not holds:
        raise StepFailed(f"It should hold that {expectation}; seen: {seen}")
