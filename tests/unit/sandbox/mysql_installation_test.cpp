// Which MySQL is taken, and where one is fetched from.
#include "ctl/sandbox/mysql_installation.hpp"

#include <gtest/gtest.h>

namespace repl::ctl::sandbox {
namespace {

TEST(MysqlVersion, IsReadFromWhatMysqldSays) {
  EXPECT_EQ(version_from("/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"), (MysqlVersion{9, 7, 4}));
  EXPECT_EQ(version_from("mysqld  Ver 8.0.26 for Linux on x86_64 (MySQL Community Server - GPL)"), kOldestMysql);
}

TEST(MysqlVersion, RefusesMariaDb) {
  const auto version =
      version_from("mysqld  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)");
  ASSERT_FALSE(version);
  EXPECT_NE(version.error().message.find("MariaDB"), std::string::npos);
}

TEST(MysqlVersion, RefusesAnAnswerWithoutAVersion) {
  EXPECT_FALSE(version_from("command not found"));
}

TEST(MysqlVersion, IsOrderedByNumber) {
  EXPECT_LT((MysqlVersion{8, 0, 9}), kOldestMysql);
}

TEST(MysqlInstallation, SaysThatThereIsNoMysqldBelowAFolder) {
  const auto found = MysqlInstallation::at("/nonexistent");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "there is no mysqld below /nonexistent");
}

// Shaped like what `apt-get indextargets` prints; the hosts do not exist.
const AptSource kSecurity{"http://mirror.invalid/debian-security/", "Debian", "Debian-Security"};
const AptSource kMain{"http://mirror.invalid/debian/", "Debian", "Debian"};
const AptSource kVendor{"https://packages.vendor.invalid/apt/debian/", "Vendor", "Vendor"};

TEST(DebianMirror, IsTheGeneralOneAndNotTheOneForSecurityUpdates) {
  EXPECT_EQ(debian_mirror({kSecurity, kMain}), kMain.uri);
  EXPECT_EQ(debian_mirror({kMain, kSecurity}), kMain.uri);
}

TEST(DebianMirror, IsNotAnotherVendors) {
  EXPECT_EQ(debian_mirror({kVendor, kMain}), kMain.uri);
  EXPECT_EQ(debian_mirror({kVendor}), std::nullopt);
}

TEST(DebianMirror, IsKnownByItsNameBeforeThePackageListsAreFetched) {
  EXPECT_EQ(debian_mirror({{"http://mirror.invalid/debian-security/", "", ""},
                           {"http://other.invalid/debian-tools", "", ""},
                           {"http://mirror.invalid/debian", "", ""}}),
            "http://mirror.invalid/debian");
}

TEST(DebianMirror, MayBeAListOfMirrors) {
  EXPECT_EQ(debian_mirror({{"mirror+file:/etc/apt/mirrors/debian-security.list", "", ""},
                           {"mirror+file:/etc/apt/mirrors/debian.list", "", ""}}),
            "mirror+file:/etc/apt/mirrors/debian.list");
}

TEST(DebianMirror, IsUnknownWhereAptHasNone) {
  EXPECT_EQ(debian_mirror({}), std::nullopt);
  EXPECT_EQ(debian_mirror({kSecurity}), std::nullopt);
  EXPECT_EQ(debian_mirror({{"http://archive.invalid/ubuntu", "Ubuntu", "Ubuntu"}}), std::nullopt);
}

}  // namespace
}  // namespace repl::ctl::sandbox
