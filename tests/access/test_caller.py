from weir.access.caller import Caller


def test_caller_is_the_same_for_one_identity_and_does_not_reveal_it() -> None:
    assert Caller.from_identity("ann") == Caller.from_identity("ann") != Caller.from_identity("ben")
    assert "ann" not in Caller.from_identity("ann").visitor


def test_caller_addresses_of_one_ipv6_network_are_equal() -> None:
    assert (
        Caller.from_identity("ann", "2001:db8:0:1::7").address
        == Caller.from_identity("ben", "2001:db8:0:1:9::1").address
    )
    assert (
        Caller.from_identity("ann", "2001:db8:0:1::7").address != Caller.from_identity("ann", "2001:db8:0:2::7").address
    )
    assert (
        Caller.from_identity("ann", "::ffff:192.0.2.7").address
        == Caller.from_identity("ann", "192.0.2.7").address
        == "192.0.2.7"
    )
    assert Caller.from_identity("ann", "fe80::1%eth0").address == Caller.from_identity("ann", "fe80::2").address
    assert Caller.from_identity("ann", "a-proxy").address == "a-proxy"
