"""The suites that the ``eventsourcing`` library ships, run against our persistence module."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from eventsourcing.tests import application, persistence
from eventsourcing.utils import Environment, get_topic

from infra.ledger.persistence import LedgerFactory
from infra.ledger.recorders import (
    LedgerAggregateRecorder,
    LedgerApplicationRecorder,
    LedgerProcessRecorder,
    LedgerTrackingRecorder,
)
from infra.ledger.shelf import SqliteShelf
from infra.ledger.sqlite import SqliteLedger
from tests.support.ledgers import now


class _OnOwnFile:
    """Gives each test a ledger of its own in a temporary folder."""

    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "ledger.db"
        self.ledger = SqliteLedger(self.path, clock=now)
        self.shelf = SqliteShelf(self.path)
        self.addCleanup(self.ledger.close)


class TestAggregateRecorder(_OnOwnFile, persistence.AggregateRecorderTestCase):
    """Snapshots keep the library's contract."""

    def create_recorder(self):
        return LedgerAggregateRecorder(self.shelf, UUID, purpose="snapshots")


class TestApplicationRecorder(_OnOwnFile, persistence.ApplicationRecorderTestCase):
    """The chain keeps the library's contract."""

    def create_recorder(self):
        return LedgerApplicationRecorder(self.ledger, UUID)

    def test_insert_subscribe(self):
        """The optional subscription suite passes as well."""
        self.optional_test_insert_subscribe()


class TestNonInterleaving(_OnOwnFile, persistence.NonInterleavingNotificationIDsBaseCase):
    """Two large entries never interleave."""

    def create_recorder(self):
        return LedgerApplicationRecorder(self.ledger, UUID)


class TestTrackingRecorder(_OnOwnFile, persistence.TrackingRecorderTestCase):
    """Tracking keeps the library's contract."""

    def create_recorder(self):
        return LedgerTrackingRecorder(self.shelf)


class TestProcessRecorder(_OnOwnFile, persistence.ProcessRecorderTestCase):
    """Events and tracking are stored together."""

    def create_recorder(self):
        return LedgerProcessRecorder(self.ledger, self.shelf, UUID)


class SpecialTrackingRecorder(LedgerTrackingRecorder):
    """A subclass that the factory is asked for."""


class TestFactory(_OnOwnFile, persistence.InfrastructureFactoryTestCase[LedgerFactory]):
    """The factory is found by its module and makes our recorders."""

    def setUp(self):
        _OnOwnFile.setUp(self)
        self.env = Environment("TestCase")
        self.env[LedgerFactory.PERSISTENCE_MODULE] = LedgerFactory.__module__
        self.env["LEDGER_PATH"] = str(self.path)
        persistence.InfrastructureFactoryTestCase.setUp(self)

    def expected_factory_class(self):
        return LedgerFactory

    def expected_aggregate_recorder_class(self):
        return LedgerAggregateRecorder

    def expected_application_recorder_class(self):
        return LedgerApplicationRecorder

    def expected_tracking_recorder_class(self):
        return LedgerTrackingRecorder

    def tracking_recorder_subclass(self):
        return SpecialTrackingRecorder

    def expected_process_recorder_class(self):
        return LedgerProcessRecorder

    def test_needs_a_path(self):
        """Without a path the factory says which name is missing."""
        with pytest.raises(OSError, match="LEDGER_PATH"):
            LedgerFactory(Environment("TestCase"))


class TestExampleApplication(_OnOwnFile, application.ExampleApplicationTestCase):
    """The library's example application runs on our ledger, unchanged."""

    expected_factory_topic = get_topic(LedgerFactory)

    def setUp(self):
        _OnOwnFile.setUp(self)
        application.ExampleApplicationTestCase.setUp(self)
        os.environ["PERSISTENCE_MODULE"] = LedgerFactory.__module__
        os.environ["LEDGER_PATH"] = str(self.path)
        self.addCleanup(os.environ.pop, "PERSISTENCE_MODULE")
        self.addCleanup(os.environ.pop, "LEDGER_PATH")
