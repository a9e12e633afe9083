"""Foreign certificates: what is read, what is kept apart because it may name a person, and chains by signature."""

from __future__ import annotations

import random

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from domain.certificates import chains
from domain.certificates.chains import rebuild
from domain.certificates.foreign import MAX_FOREIGN, read_foreign
from domain.errors import InvalidInput
from tests.support.foreign import CA, Party, issuing, leaf, make, root


def read(*parties: Party):
    """Return what several certificates say."""
    return [read_foreign(one.der) for one in parties]


def test_what_a_certificate_says():
    """Names in their one spelling, addresses of its authority as text, the issuer by name and by a derived id."""
    seen = read_foreign(leaf("WWW.old.test", "old.test").der)

    assert ("www.old.test", "old.test") == seen.dns_names
    assert ("CN=Foreign Issuing", "EC-P256", False) == (seen.issuer_name, seen.key_algorithm, seen.is_ca)
    assert ("http://pki.elsewhere.test/ca.crl",) == seen.crl_urls
    assert ("http://pki.elsewhere.test/ca.cer",) == seen.ca_urls
    assert seen.issuer_id.startswith("foreign-")
    assert not seen.names_person


def test_an_old_certificate_names_its_server_by_its_common_name():
    """Only where it has no alternative names."""
    assert ("nas.old.test",) == read_foreign(make("nas.old.test").der).dns_names
    assert ("www.old.test",) == read_foreign(leaf("www.old.test", "x_y.old.test").der).dns_names
    assert 1 == read_foreign(leaf("www.old.test", "x_y.old.test").der).left_out


@pytest.mark.parametrize(
    "party",
    [
        make("Jane Doe"),
        make("www.old.test", None, x509.SubjectAlternativeName([x509.RFC822Name("jane@old.test")])),
        make("www.old.test", None, x509.SubjectAlternativeName([x509.DirectoryName(x509.Name([]))])),
        make("www.old.test", subject=[x509.NameAttribute(NameOID.EMAIL_ADDRESS, "jane@old.test")]),
    ],
    ids=["no machine", "mail address", "another kind of name", "mail address in the subject"],
)
def test_what_may_name_a_person_is_told_apart(party):
    """Its bytes can never be erased from an event, so they do not get into one."""
    seen = read_foreign(party.der)

    assert seen.names_person
    assert "jane" not in seen.issuer_name.lower() or "@" not in seen.issuer_name


def test_too_large_is_refused_before_it_is_read():
    """A certificate must fit into one event with what is read from it."""
    with pytest.raises(InvalidInput) as refused:
        read_foreign(b"\x30" * (MAX_FOREIGN + 1))

    assert refused.value.rule == "import-size"


@pytest.mark.parametrize("seed", range(5))
def test_a_chain_is_rebuilt_from_any_order(seed):
    """Leaf, issuing authority, root; a second copy counts as one."""
    www, api = leaf("www.old.test"), leaf("api.old.test")
    upload = [root(), issuing(), www, api, issuing()]
    random.Random(seed).shuffle(upload)
    built = rebuild(read(*upload))

    assert 1 == built.repeated
    assert {www.der, api.der} == {chain.leaf.der for chain in built.chains}
    assert [[issuing().der, root().der]] * 2 == [[one.der for one in chain.above] for chain in built.chains]
    assert () == built.authorities


def test_a_name_alone_makes_no_issuer():
    """An authority of the same name that did not sign stands in no chain."""
    impostor = make("Foreign Issuing", None, CA)
    built = rebuild(read(impostor, leaf("www.old.test")))

    assert [()] == [chain.above for chain in built.chains]
    assert [impostor.der] == [one.der for one in built.authorities]


def test_a_server_does_not_issue():
    """A signature by a certificate that is no authority builds no chain."""
    www = leaf("www.old.test")
    below = make("below.old.test", www)
    built = rebuild(read(www, below))

    assert [(), ()] == [chain.above for chain in built.chains]


def test_a_self_signed_server_is_a_leaf_and_a_root_is_not():
    """Many tools mark self-signed servers as authorities; what counts is that it names a machine and signed nothing."""
    names = x509.SubjectAlternativeName([x509.DNSName("self.old.test")])
    single = make("root-ca", None, CA)
    built = rebuild(read(make("self", None, names, CA), root(), single))

    assert [("self.old.test",)] == [chain.leaf.dns_names for chain in built.chains]
    assert [root().der, single.der] == [one.der for one in built.authorities]


def test_of_two_issuers_the_one_that_lives_longer():
    """A cross-signed authority: both signed with one key."""
    key = issuing().key
    short = make("Foreign Issuing", root(), CA, key=key, days=500)
    built = rebuild(read(short, issuing(), leaf("www.old.test")))

    assert [issuing().der] == [one.der for one in built.chains[0].above]


def test_two_that_signed_each_other_end():
    """A circle is walked once."""
    one = make("One", None, CA)
    two = make("Two", one, CA)
    again = make("One", two, CA, key=one.key)
    built = rebuild(read(two, again, make("www.old.test", two)))

    assert 2 == len(built.chains[0].above)


def test_the_work_is_bounded(monkeypatch):
    """Many certificates of one name cost the square of their number: there is a limit, and it is said."""
    monkeypatch.setattr(chains, "MAX_SIGNATURES", 50)
    key = root().key
    crowd = [make("Same", None, CA, key=key, serial=n + 1) for n in range(12)]
    with pytest.raises(InvalidInput) as refused:
        rebuild(read(*crowd))

    assert refused.value.rule == "import-too-many"
