"""What an agent's commands on its own deployments share: they are aimed at its own host, and name the task at hand."""

from __future__ import annotations

from commands.base import Command, Scope
from commands.work import Work
from domain.errors import NotFound, WrongState
from domain.hosts.deployment import Deployment


class TaskCommand(Command):
    """A command of a host's agent on a task that is about one deployment."""

    deployment_id: str
    host_id: str
    task_id: str

    def must_be(self, task_id: str | None) -> None:
        """Raise WrongState unless the command is about the attempt that is asked for now (None: none is)."""
        if self.task_id != task_id:
            raise WrongState("another attempt is asked for by now", rule="task-stale", fix="ask for the queue again")


def scope(command: TaskCommand, work: Work) -> Scope:
    """Aim at the agent's own host."""
    deployment = work.load(Deployment, command.deployment_id)
    if deployment.host_id != command.host_id:
        raise NotFound("there is no such task", fix="ask for the queue again")
    return Scope(None, command.deployment_id, command.host_id)
