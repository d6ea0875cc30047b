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
    def config(self) -> Config: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def central(self) -> CentralDatabase: ...
    @property
    def gateway(self) -> TenantDataGateway: ...
    @property
    def communications(self) -> Mapping[str, Communication]: ...
    @property
    def tenants(self) -> TenantRepository: ...
    @property
    def consents(self) -> ConsentRepository: ...
    @property
    def messages(self) -> MessageRepository: ...
    @property
    def jobs(self) -> JobRepository: ...
    @property
    def cases(self) -> CaseReader: ...
    @property
    def foresight(self) -> Foresight: ...
