"""A fleet in a lab: hosts whose agents answer at once through the real queue, and the scheduler's round."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from api.agent.tasks import next_tasks
from commands.access.rights import agent
from commands.certificates.keep_renewed import AT_MOST, keep_renewed
from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.context import Context, Held, Principal, Role
from commands.hosts.report_install import ReportInstall
from domain.certificates.wish import Target
from domain.hosts.deployment import Evidence
from domain.hosts.targets import Endpoint, TargetSpec, Window
from projections.certificates.inventory import INVENTORY, InventoryFilter, InventoryRow
from projections.certificates.renewals import RENEWALS, RenewalFilter, RenewalRow
from projections.hosts.queue import TaskRow
from projections.query import every
from tests.support.csrs import make_csr, pem_csr
from tests.support.edge import Lab


@dataclass
class Fleet:
    """Hosts of team shop; those in ``away`` do not ask for work, those in ``broken`` fail to install."""

    lab: Lab
    away: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    installed: dict[str, list[str]] = field(default_factory=dict)

    async def order(self, *hosts: str, directory: str = "/srv/tls/www", windows: tuple[Window, ...] = ()) -> str:
        """Order a certificate for hosts; returns the order."""
        seen = Endpoint(address="127.0.0.1", port=443, server_name="www.shop.test")
        places = tuple(
            Target(host_id=host, spec=TargetSpec(directory=directory, endpoints=(seen,), windows=windows))
            for host in hosts
        )
        wish = RequestCertificate(
            team_id=self.lab.team(),
            profile_id=self.lab.profile(),
            dns_names=("www.shop.test",),
            targets=places,
        )
        anna = Principal("p-anna", "person", (Held(Role.DEVOPS, self.lab.team()),))
        outcome = await self.lab.backend.bus.execute(wish, Context(anna, "c-anna"))
        await self._seen()
        return outcome.id_of("order") or ""

    async def round(self, *, at_most: int = AT_MOST) -> int:
        """Let the scheduler look once; returns how many renewals it advanced."""
        done = await keep_renewed(self.lab.backend.bus, self.lab.backend.services.reading, _at_once, at_most=at_most)
        await self._seen()
        return done

    async def work(self, *hosts: str) -> int:
        """Let the agents of these hosts do all that is asked of them; returns how many tasks they did."""
        done = 0
        while tasks := [task for host in hosts if host not in self.away for task in await self._tasks(host)]:
            for task in tasks:
                await self._do(task)
                done += 1
            self.lab.clock.forward(61)  # the leases of these tasks run out
            await self._seen()
        return done

    async def asked(self, host: str) -> list[str]:
        """Return the kinds of the tasks that a host would get now; asking takes their leases for a minute."""
        self.lab.clock.forward(61)
        return [task["kind"] for task in await self._tasks(host)]

    async def _tasks(self, host: str) -> list[TaskRow]:
        return await next_tasks(self.lab.edge, host, wait=0, draining=None)

    async def _do(self, task: TaskRow) -> None:
        who = Context(agent(task["host_id"], key_sha256="0" * 64), "c-agent")
        command = self._key(task) if task["kind"] == "make-key" else self._installation(task)
        await self.lab.backend.bus.execute(command, who)

    def _key(self, task: TaskRow) -> ReportKey:
        csr = pem_csr(make_csr(ec.generate_private_key(ec.SECP256R1())))
        return ReportKey(order_id=task["order_id"], host_id=task["host_id"], generation=task["generation"], csr=csr)

    def _installation(self, task: TaskRow) -> ReportInstall:
        told: dict[str, Any] = {name: task[name] for name in ("deployment_id", "host_id", "task_id")}
        if task["host_id"] in self.broken:
            return ReportInstall(**told, stage="reload", detail="nginx -t", rolled_back=True)
        certificate_id = task["certificate_id"] or ""
        self.installed.setdefault(task["host_id"], []).append(certificate_id)
        row = self.lab.backend.views.get(INVENTORY, certificate_id)
        assert row is not None
        proof = Evidence(endpoint="127.0.0.1:443/www.shop.test", sha256=row["fingerprint"], tls="TLSv1.3", hits=1)
        return ReportInstall(**told, evidence=(proof,))

    async def _seen(self) -> None:
        await self.lab.backend.views.wait_for(self.lab.position())

    def certificates(self, **where: Any) -> list[InventoryRow]:
        """Return certificates that were ordered."""
        return list(every(self.lab.backend.views, INVENTORY, InventoryFilter(purpose="order", **where)))

    def renewals(self, **where: Any) -> list[RenewalRow]:
        """Return renewals."""
        return list(every(self.lab.backend.views, RENEWALS, RenewalFilter(**where)))


async def _at_once(_worked: float) -> None:
    """Rest not at all."""
