"""Rotating the data-encryption key is on the record: its beginning before anything is moved, its end with figures."""

from __future__ import annotations

from pydantic import Field

from commands.base import Command, Scope, UseCase, no_scope
from commands.work import Work
from domain.keys.rotation import Rotation


class BeginRotation(Command):
    """A fresh data-encryption key is about to be made."""


class EndRotation(Command):
    """Everything is moved."""

    rotation_id: str
    fields: int = Field(ge=0)
    deks: int = Field(ge=0)


def _scope(command: EndRotation, _work: Work) -> Scope:
    return Scope(object_id=command.rotation_id)


def handle_begin(_command: BeginRotation, work: Work) -> None:
    """Record the beginning."""
    work.add(Rotation.begin(Rotation.Begun, stream_id=work.new_id("rotation"), at=work.now))


def handle_end(command: EndRotation, work: Work) -> None:
    """Record the end."""
    rotation = work.load(Rotation, command.rotation_id)
    rotation.end(fields=command.fields, deks=command.deks, at=work.now)


BEGIN_ROTATION = UseCase("keystore.rotate", no_scope, handle_begin)
END_ROTATION = UseCase("keystore.rotate", _scope, handle_end)
