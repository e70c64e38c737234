// Using up the numbers of transactions that were thrown away, on real servers.
#include <gtest/gtest.h>

#include "mysql_rig.hpp"

namespace repl::mysql {
namespace {

using namespace rig;

class Retire : public MysqlTest {
 protected:
  static constexpr const char* kGone = "aaaaaaaa-0000-4000-8000-000000000001";

  static GtidSet gone(const std::string& rest) { return *GtidSet::parse(kGone + (":" + rest)); }
  Error refused(const GtidSet& retired, ErrorCode code) {
    const auto result = run(RetireGtids{kDb1, retired});
    EXPECT_FALSE(result.ok());
    if (result.ok()) return {};
    EXPECT_EQ(result.error->code, code) << result.error->message;
    EXPECT_FALSE(probe(kDb1).executed.intersects(retired)) << "some were committed";
    return *result.error;
  }
  bool all_have(const GtidSet& set) {
    return comes_true([&] {
      return probe(kDb1).executed.contains(set) && probe(kDb2).executed.contains(set) &&
             probe(kDb3).executed.contains(set);
    });
  }
};

TEST_F(Retire, CommitsThemEmptyAndEveryNodeGetsThem) {
  replicate_with_semi_sync();
  const auto rows = servers.ask(kDb1, "SELECT COUNT(*) FROM shop.t");
  const auto retired = gone("3-5:348");
  const auto first = done(RetireGtids{kDb1, retired});
  EXPECT_EQ(first.position, retired);
  EXPECT_TRUE(all_have(retired));
  EXPECT_EQ(servers.ask(kDb1, "SELECT COUNT(*) FROM shop.t"), rows);
  EXPECT_EQ(done(RetireGtids{kDb1, gone("3-7:348")}).position, gone("6-7")) << "only what is missing";
  EXPECT_TRUE(all_have(gone("3-7:348")));
  // The session goes on to be used: what it writes is not numbered by hand any more.
  done(CreateAccount{kDb1, AccountRole::Application, spec->accounts.at(AccountRole::Application), Logged::Yes});
  EXPECT_EQ(probe(kDb1).executed.only_of(kGone), gone("3-7:348"));
}

TEST_F(Retire, TaggedOnesToo) {
  if (servers.ask(kDb1, "SELECT VERSION() >= '8.3' OR VERSION() LIKE '9.%'") != "1") GTEST_SKIP() << "no tags";
  replicate();
  const auto retired = gone("7:lost:1-2");
  done(RetireGtids{kDb1, retired});
  EXPECT_TRUE(all_have(retired));
}

TEST_F(Retire, TheServersOwnNumbersAreNotGivenAgain) {
  replicate();
  const auto own = probe(kDb1).server_uuid;
  const auto last = probe(kDb1).executed.origins().at({own, ""}).back().last;
  GtidSet retired;
  retired.add({own, ""}, {last + 1, last + 1});
  done(RetireGtids{kDb1, retired});
  servers.tell(kDb1, {"INSERT INTO shop.t(v) VALUES (1)"});
  EXPECT_TRUE(probe(kDb1).executed.contains(own, "", last + 2)) << probe(kDb1).executed.to_string();
}

TEST_F(Retire, NothingIsCommittedWhileAnotherNodeHasSomeOfThem) {
  replicate();
  // Received and not applied counts as well, but cannot be made here without a source that has it.
  servers.tell(kDb3, {"STOP REPLICA", "SET GLOBAL super_read_only=0", fmt::format("SET GTID_NEXT='{}:4'", kGone),
                      "BEGIN", "COMMIT", "SET GTID_NEXT=AUTOMATIC", "SET GLOBAL super_read_only=1"});
  const auto error = refused(gone("3-5"), ErrorCode::ErrantTransactions);
  EXPECT_NE(error.message.find(fmt::format("db3 has {}:4", kGone)), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("--allow-data-loss"), std::string::npos) << error.message;
}

TEST_F(Retire, NothingIsCommittedWhileANodeDoesNotAnswer) {
  replicate();
  ASSERT_TRUE(servers.sandbox().kill("db3"));
  const auto error = refused(gone("3-5"), ErrorCode::PreconditionFailed);
  EXPECT_NE(error.message.find("db3 does not answer"), std::string::npos) << error.message;
}

TEST_F(Retire, NothingIsCommittedWhereItWouldHang) {
  replicate_with_semi_sync();
  done(SetReadOnly{kDb1, ReadOnly::Off, ReadOnly::Super});
  EXPECT_NE(refused(gone("3-5"), ErrorCode::PreconditionFailed).message.find("takes no writes"), std::string::npos);
  done(SetReadOnly{kDb1, ReadOnly::Super, ReadOnly::Off});
  done(StopReplication{kDb2});
  done(StopReplication{kDb3});
  ASSERT_TRUE(comes_true([&] { return probe(kDb1).semi_sync.clients == 0; }));
  EXPECT_NE(refused(gone("3-5"), ErrorCode::PreconditionFailed).message.find("would wait"), std::string::npos);
}

}  // namespace
}  // namespace repl::mysql
