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
from tests.support.ledger_stores import migrated, open_ledger, shelf_of


class _OnOwnFile:
    """Gives each test a ledger of its own in a temporary folder."""

    def setUp(self):
        self.set_place()

    def set_place(self):
        """Make the place, and open the ledger there."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = {"LEDGER_PATH": str(Path(folder.name) / "ledger.db")}
        self.open(f"sqlite:{self.place['LEDGER_PATH']}")

    def open(self, spec):
        """Open the ledger and its shelf, until the test ends."""
        self.ledger = open_ledger(spec)
        self.shelf = shelf_of(self.ledger)
        self.addCleanup(self.ledger.close)


class _OnOwnDatabase(_OnOwnFile):
    """Gives each test a ledger of its own in MongoDB."""

    @pytest.fixture(autouse=True)
    def _database(self, mongo_url):
        self.url = mongo_url

    def set_place(self):
        self.place = {"LEDGER_URL": self.url}
        migrated(self.url)
        self.open(self.url)


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
        self.set_place()
        self.env = Environment("TestCase")
        self.env[LedgerFactory.PERSISTENCE_MODULE] = LedgerFactory.__module__
        self.env.update(self.place)
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
        self.set_place()
        application.ExampleApplicationTestCase.setUp(self)
        os.environ["PERSISTENCE_MODULE"] = LedgerFactory.__module__
        os.environ.update(self.place)
        for name in ("PERSISTENCE_MODULE", *self.place):
            self.addCleanup(os.environ.pop, name)


class TestAggregateRecorderOnMongoDB(_OnOwnDatabase, TestAggregateRecorder):
    """The same in MongoDB."""


class TestApplicationRecorderOnMongoDB(_OnOwnDatabase, TestApplicationRecorder):
    """The same in MongoDB."""


class TestNonInterleavingOnMongoDB(_OnOwnDatabase, TestNonInterleaving):
    """The same in MongoDB."""


class TestTrackingRecorderOnMongoDB(_OnOwnDatabase, TestTrackingRecorder):
    """The same in MongoDB."""


class TestProcessRecorderOnMongoDB(_OnOwnDatabase, TestProcessRecorder):
    """The same in MongoDB."""


class TestFactoryOnMongoDB(_OnOwnDatabase, TestFactory):
    """The same in MongoDB."""


class TestExampleApplicationOnMongoDB(_OnOwnDatabase, TestExampleApplication):
    """The same in MongoDB."""
