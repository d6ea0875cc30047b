"""What the doors that speak HTTP need of the program; the composition root has it all."""

from collections.abc import Mapping
from typing import Protocol

from communication_agent.cases import CaseReader
from communication_agent.clock import Clock
from communication_agent.communication import Communication
from communication_agent.config import Config
from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.consent_repository import ConsentRepository
from communication_agent.db.job_repository import JobRepository
from communication_agent.db.message_repository import MessageRepository
from communication_agent.db.tenant_data_gateway import TenantDataGateway
from communication_agent.db.tenant_repository import TenantRepository
from communication_agent.foresight import Foresight
from communication_agent.keys import Keys


class House(Protocol):
    """The rooms below the web, as `app.App` holds them."""

    @property
    def config(self) -> Config:
        """The settings."""
        ...

    @property
    def clock(self) -> Clock:
        """Business time."""
        ...

    @property
    def keys(self) -> Keys:
        """What signs and seals."""
        ...

    @property
    def central(self) -> CentralDatabase:
        """The central database."""
        ...

    @property
    def gateway(self) -> TenantDataGateway:
        """The dealers' databases."""
        ...

    @property
    def communications(self) -> Mapping[str, Communication]:
        """Every type of message, by name."""
        ...

    @property
    def tenants(self) -> TenantRepository:
        """The dealers."""
        ...

    @property
    def consents(self) -> ConsentRepository:
        """Who must not be written to."""
        ...

    @property
    def messages(self) -> MessageRepository:
        """What was sent, and what happened to it."""
        ...

    @property
    def jobs(self) -> JobRepository:
        """The live queue."""
        ...

    @property
    def cases(self) -> CaseReader:
        """What the gate judges by."""
        ...

    @property
    def foresight(self) -> Foresight:
        """What would be sent, and why not."""
        ...
