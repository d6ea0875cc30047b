"""From the gate's yes to frozen bytes: the words, the envelope, and what an earlier attempt froze already."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from communication_agent import outcome
from communication_agent.cases import CaseFile, CaseReader
from communication_agent.content.composer import compose
from communication_agent.db.job_repository import Ending, Frozen, PutBack
from communication_agent.db.query import Row
from communication_agent.delivery import account, envelope, pack, payload_hash, pick_provider, unpack
from communication_agent.domain import Job, Message, Send, State
from communication_agent.errors import Problem
from communication_agent.provider import Provider
from communication_agent.tenant import TenantSettings

CONFIGURATION_RETRY = timedelta(minutes=15)
BAD_WORDS = "CA-308"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job with the frozen message that it will send."""

    file: CaseFile
    frozen: Frozen
    message: Message
    provider: Provider

    @property
    def job(self) -> Job:
        """The job."""
        return self.file.case.job


@dataclass(frozen=True, slots=True)
class Preparation:
    """Writes messages; nothing here touches a database or a network."""

    cases: CaseReader
    providers: Mapping[str, Provider]

    def prepare(
        self, tenant: TenantSettings, file: CaseFile, known: Row | None, send: Send, now: datetime
    ) -> Prepared | PutBack | Ending:
        """A message that may leave; or where its job goes instead. `known` is what an earlier attempt froze."""
        job = file.case.job
        try:
            if known is None:
                return self._freeze(tenant, file, send, now)
            if reason := self._not_again(tenant, job, known, send, now):
                return PutBack(job, State.HELD, reason)
            return self._thaw(tenant, file, known)
        except Problem as problem:
            if problem.code == BAD_WORDS:
                return Ending(job, State.FAILED, f"template_error: {problem.what} {problem.why} Do: {problem.do}")
            return PutBack(job, State.SCHEDULED, f"configuration: {problem.what}", run_at=now + CONFIGURATION_RETRY)

    def _freeze(self, tenant: TenantSettings, file: CaseFile, send: Send, now: datetime) -> Prepared:
        case = file.case
        provider = pick_provider(tenant, send.channel, self.providers)
        account(tenant, provider, self.cases.config)  # an account that is not complete is told before anything is begun
        links = self.cases.message_links(tenant, case.job.customer_id, send.channel, send.address)
        content = compose(case.communication, tenant, send.channel, file.facts, links)
        message = envelope(
            case.job,
            case.communication,
            content,
            send,
            tenant,
            config_base_url=self.cases.config.base_url,
            preferences_url=links.preferences,
            now=now,
        )
        payload = pack(message)
        facts = json.dumps(dict(file.facts))
        frozen = Frozen(case.job, str(send.channel), send.address, provider.name, payload, payload_hash(payload), facts)
        return Prepared(file, frozen, message, provider)

    def _not_again(self, tenant: TenantSettings, job: Job, known: Row, send: Send, now: datetime) -> str | None:
        """Why frozen bytes must not go out once more without a person, None when they may."""
        if known["recipient"] != send.address:
            return "address_changed"
        if tenant.sending == "outbox" and known["provider"] != "outbox":
            return "sending_changed"
        provider = self.providers.get(str(known["provider"]))
        if job.unknown_since and not (provider and outcome.may_repeat(provider, job.unknown_since, now)):
            return outcome.OUTCOME_UNKNOWN
        return None

    def _thaw(self, tenant: TenantSettings, file: CaseFile, known: Row) -> Prepared:
        # An earlier attempt froze the bytes: they go out unchanged, through the same provider.
        payload = str(known["payload"])
        message = unpack(payload)
        provider = self.providers.get(str(known["provider"])) or pick_provider(tenant, message.channel, self.providers)
        frozen = Frozen(file.case.job, str(message.channel), message.to, provider.name, payload, str(known["payload_hash"]), "{}")
        return Prepared(file, frozen, message, provider)
