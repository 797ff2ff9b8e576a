"""Lists of packages, and what differs between two, as Debian's people write it."""

from __future__ import annotations

import pytest

from core import packages
from core.packages import Difference, Packages

OLD = "adduser 3.134\nnano 7.2-1\nopenssl 3.0.14-1~deb12u2\n"
NEW = "adduser 3.134\nopenssl 3.0.15-1~deb12u1\nsyslog-ng 3.38.1-5\n"


def difference(old: str, new: str) -> Difference:
    return packages.difference(packages.parse_packages(old), packages.parse_packages(new))


def test_what_came_what_went_and_what_changed() -> None:
    found = difference(OLD, NEW)
    assert found.added == ("+ syslog-ng 3.38.1-5",)
    assert found.removed == ("- nano 7.2-1",)
    assert found.changed == ("~ openssl 3.0.14-1~deb12u2 -> 3.0.15-1~deb12u1",)
    assert str(found) == ("+ syslog-ng 3.38.1-5, - nano 7.2-1, ~ openssl 3.0.14-1~deb12u2 -> 3.0.15-1~deb12u1")


def test_the_way_back_is_the_same_read_backwards() -> None:
    assert str(difference(NEW, OLD)) == (
        "+ nano 7.2-1, - syslog-ng 3.38.1-5, ~ openssl 3.0.15-1~deb12u1 -> 3.0.14-1~deb12u2"
    )


def test_equal_lists_differ_in_nothing() -> None:
    assert difference(OLD, OLD).entries == ()
    assert str(difference(OLD, OLD)) == "no package differs"


def test_one_name_may_have_several_versions() -> None:
    before: Packages = packages.parse_packages("kernel 6.1.1\nlibc6 2.36\n")
    after = packages.parse_packages("kernel 6.1.1\nkernel 6.1.2\nlibc6 2.36\nlibc6 2.36\n")
    assert packages.difference(before, after).entries == ("~ kernel 6.1.1 -> 6.1.1 and 6.1.2",)


def test_a_list_says_of_which_system_and_architecture_its_packages_are() -> None:
    listed = packages.parse_list("# deb debian 12\nadduser 3.134 all\nlibc6 2.36 amd64\nlibc6 2.36 i386\n")
    assert (listed.kind, listed.system, listed.release) == ("deb", "debian", "12")
    assert [one.architecture for one in listed.packages] == ["all", "amd64", "i386"]
    assert packages.parse_list("# deb debian\nadduser 3.134 all\n").release == ""
    assert packages.parse_list(OLD).kind == "", "an older version of this program did not say"


def test_an_older_list_differs_in_packages_alone() -> None:
    now = "# deb debian 12\nadduser 3.134 all\nnano 7.2-1 amd64\nopenssl 3.0.15-1 amd64\n"
    assert difference(OLD, now).entries == ("~ openssl 3.0.14-1~deb12u2 -> 3.0.15-1",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("openssl\n", "'openssl' is not a package and its version"),
        ("openssl 3.0 amd64 installed\n", "'openssl 3.0 amd64 installed' is not a package"),
        ("openssl 3.0 \n", "'openssl 3.0 ' is not a package"),
        ("# deb debian 12\n", "it is empty"),
        ("# apk alpine 3.20\nopenssl 3.0 x86_64\n", "'# apk alpine 3.20' is not a package"),
        ("openssl 3.0 amd64\n# deb debian 12\n", "'# deb debian 12' is not a package"),
        ("openssl 3.0\n\nnano 7.2\n", "'' is not a package"),
    ],
)
def test_what_is_no_list_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        packages.parse_packages(text)


def test_a_long_difference_is_shortened_and_says_how_much_is_missing() -> None:
    four = ["+ aaa 1", "+ bbb 1", "+ ccc 1", "+ ddd 1"]
    assert packages.shortened(four, characters=16) == "+ aaa 1, + bbb 1 and 2 more"
    assert packages.shortened(["+ " + "a" * 50, "+ b 1"], characters=16) == "+ " + "a" * 50 + " and 1 more"
    many = difference("a 1\n", "a 1\n" + "".join(f"package-{number} 1.0\n" for number in range(500)))
    assert len(str(many)) < 700 and str(many).endswith(" more")
