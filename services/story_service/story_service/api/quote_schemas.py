"""What a price looks like over the wire before anybody pays it."""

from datetime import datetime
from typing import Any, Literal, Self

from story_service.api.problems import PROBLEMS
from story_service.api.schemas import MeterQuoteOut, Wire
from story_service.application.quote_call import OfferedModel, Quotation
from story_service.domain.errors import Refusal


class RefusalOut(Wire):
    """Why the request would be refused: the problem that it would be answered with."""

    status: int
    code: str
    detail: str
    action: dict[str, Any] | None = None
    meter: str | None = None
    price: int | None = None
    limit: int | None = None
    used: int | None = None
    resets_at: datetime | None = None

    @classmethod
    def of(cls, refusal: Refusal) -> Self:
        """Show a refusal."""
        face = PROBLEMS[type(refusal)]
        members = {name: getattr(refusal, name) for name in face.members}
        return cls(status=face.status, code=face.code, detail=str(refusal), **members)


class QuotationOut(Wire):
    """What a call would cost at the most, in each meter and in millionths of a dollar."""

    allowed: bool
    model: str
    price: int
    meters: dict[str, MeterQuoteOut]
    max_cost_micros: int
    refusal: RefusalOut | None

    @classmethod
    def of(cls, quotation: Quotation) -> Self:
        """Show a quotation."""
        terms, refusal = quotation.terms, quotation.refusal
        return cls(
            allowed=refusal is None,
            model=quotation.model.model,
            price=terms.price,
            meters={meter: MeterQuoteOut.of(wanted) for meter, wanted in sorted(terms.meters.items())},
            max_cost_micros=terms.max_cost_micros,
            refusal=RefusalOut.of(refusal) if refusal else None,
        )


class ModelOut(Wire):
    """A model: `weight_milli` thousandths of a token count on the reader's meter for each of its tokens."""

    model: str
    tier: Literal["standard", "premium"]
    included: bool
    weight_milli: int
    context_tokens: int
    max_output_tokens: int

    @classmethod
    def of(cls, offered: OfferedModel) -> Self:
        """Show a model."""
        model = offered.model
        return cls(
            model=model.model,
            tier="premium" if model.tier == "premium" else "standard",
            included=offered.included,
            weight_milli=model.weight_milli,
            context_tokens=model.context_tokens,
            max_output_tokens=model.max_output_tokens,
        )


class ModelsOut(Wire):
    """The models on offer."""

    items: list[ModelOut]

    @classmethod
    def of(cls, offered: list[OfferedModel]) -> Self:
        """Show them."""
        return cls(items=[ModelOut.of(one) for one in offered])
