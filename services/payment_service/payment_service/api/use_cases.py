"""What the routes can do: made by the composition root, or by a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payment_service.application.call_provider import CallProvider
from payment_service.application.change_grants import AddGrant, VoidGrant
from payment_service.application.change_overrides import AddOverride, RevokeOverride
from payment_service.application.change_plans import ChangeEntitlements, ReadEntitlements
from payment_service.application.change_ports import PromotionGateway, SubscriptionGateway
from payment_service.application.change_subscription import ChangePlan, PreviewChange, WithdrawChange
from payment_service.application.end_subscription import CancelSubscription, ResumeSubscription
from payment_service.application.list_billing import ListInvoices, ListSubscriptions
from payment_service.application.list_plans import ListPlans
from payment_service.application.open_checkout import OpenCheckout
from payment_service.application.open_portal import OpenPortal
from payment_service.application.ports import (
    Clock,
    NewId,
    PaymentGateway,
    StartWork,
)
from payment_service.application.read_access import ReadAccess
from payment_service.application.read_billing import ReadBilling, ReadInvoices, ReadSubscription
from payment_service.application.read_checkout import ReadCheckout
from payment_service.application.read_history import ReadHistory
from payment_service.application.read_picture import ReadPicture
from payment_service.application.receive_webhook import ReceiveWebhook
from payment_service.application.reconcile import RequestReconcile
from payment_service.application.replay_webhooks import ReadWebhooks, ReplayWebhooks
from payment_service.application.sync_ports import CountWebhook, VerifySignature, WebhookInbox
from payment_service.application.validate_code import ValidateCode
from payment_service.domain.return_paths import ReturnPaths


@dataclass(frozen=True, slots=True)
class World:
    """The adapters that use cases stand on. `ttl_seconds`: how long others may keep an access snapshot;
    `start_reading`, where it is another one, is for what changes nothing.
    """

    start_work: StartWork
    gateway: PaymentGateway
    subscriptions: SubscriptionGateway
    promotions: PromotionGateway
    inbox: WebhookInbox
    verify: VerifySignature
    parse: Callable[[bytes], Any]
    now: Clock
    new_id: NewId
    return_paths: ReturnPaths
    ttl_seconds: int
    livemode: bool
    api_version: str
    count_webhook: CountWebhook
    start_reading: StartWork | None = None


@dataclass(frozen=True, slots=True)
class UseCases:
    """The use cases behind the routes."""

    list_plans: ListPlans
    read_access: ReadAccess
    read_history: ReadHistory
    read_entitlements: ReadEntitlements
    change_entitlements: ChangeEntitlements
    add_override: AddOverride
    revoke_override: RevokeOverride
    add_grant: AddGrant
    void_grant: VoidGrant
    read_subscription: ReadSubscription
    read_picture: ReadPicture
    read_invoices: ReadInvoices
    read_billing: ReadBilling
    open_checkout: OpenCheckout
    read_checkout: ReadCheckout
    open_portal: OpenPortal
    validate_code: ValidateCode
    preview_change: PreviewChange
    change_plan: ChangePlan
    withdraw_change: WithdrawChange
    cancel_subscription: CancelSubscription
    resume_subscription: ResumeSubscription
    receive_webhook: ReceiveWebhook
    read_webhooks: ReadWebhooks
    list_subscriptions: ListSubscriptions
    list_invoices: ListInvoices
    replay_webhooks: ReplayWebhooks
    request_reconcile: RequestReconcile


def wire(world: World) -> UseCases:
    """Build the use cases over one world."""
    start_work, now = world.start_work, world.now
    start_reading = world.start_reading or start_work
    read_access = ReadAccess(start_work, now, world.ttl_seconds, start_reading)
    call = CallProvider(start_work, world.subscriptions, now)
    return UseCases(
        list_plans=ListPlans(start_reading),
        read_access=read_access,
        read_history=ReadHistory(start_reading, now, read_access),
        read_entitlements=ReadEntitlements(start_reading),
        change_entitlements=ChangeEntitlements(start_work, now),
        add_override=AddOverride(start_work, now, world.new_id, world.ttl_seconds),
        revoke_override=RevokeOverride(start_work, now, world.ttl_seconds),
        add_grant=AddGrant(start_work, now, world.new_id, world.ttl_seconds),
        void_grant=VoidGrant(start_work, now, world.ttl_seconds),
        read_subscription=ReadSubscription(start_reading),
        read_picture=ReadPicture(start_reading),
        read_invoices=ReadInvoices(start_reading),
        read_billing=ReadBilling(start_reading, read_access),
        open_checkout=OpenCheckout(start_work, world.gateway, world.return_paths, now, world.new_id),
        read_checkout=ReadCheckout(start_reading, read_access),
        open_portal=OpenPortal(start_work, world.gateway, world.return_paths, now),
        validate_code=ValidateCode(start_reading, world.promotions, now),
        preview_change=PreviewChange(start_reading, world.subscriptions),
        change_plan=ChangePlan(call),
        withdraw_change=WithdrawChange(call),
        cancel_subscription=CancelSubscription(call),
        resume_subscription=ResumeSubscription(call),
        receive_webhook=ReceiveWebhook(
            world.verify, world.parse, world.inbox, now, world.livemode, world.api_version, world.count_webhook
        ),
        read_webhooks=ReadWebhooks(start_reading),
        list_subscriptions=ListSubscriptions(start_reading),
        list_invoices=ListInvoices(start_reading),
        replay_webhooks=ReplayWebhooks(start_work, now),
        request_reconcile=RequestReconcile(start_work, now, world.new_id),
    )
