#include "store/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "../temporary_directory.hpp"
#include "samples.hpp"
#include "store/codec.hpp"

namespace repl::store {
namespace {

using samples::kShop;

const ClusterId kPay{"pay"};

struct StoreTest : testing::Test {
  TemporaryDirectory directory;
  std::string path = directory / "store.db";

  std::unique_ptr<Store> open(Retention retention = {}) {
    auto store = Store::open(path, retention);
    if (!store) throw std::runtime_error(store.error().message);
    return std::move(*store);
  }
  static mode_t mode_of(const std::string& file) {
    struct stat found {};
    return ::stat(file.c_str(), &found) == 0 ? found.st_mode & 0777 : 0;
  }
};

void written(Store& store, const Record& record) {
  const auto result = store.write(record);
  ASSERT_TRUE(result) << result.error().message;
}

Record verified(const ClusterId& cluster, const std::string& id, std::vector<verify::TableProgress> tables = {},
                std::vector<verify::Finding> findings = {}) {
  return {.cluster = cluster,
          .verification = VerifyRecord{samples::verification(id), std::move(tables), std::move(findings)}};
}

std::vector<std::string> ids_of(const std::vector<verify::Run>& runs) {
  std::vector<std::string> ids;
  for (const auto& run : runs) ids.push_back(run.id);
  return ids;
}

TEST_F(StoreTest, KeepsHowFarAVerificationIsAndWhatItFound) {
  written(*open(), verified(kShop, "shop-v1", {samples::verified_table("b"), samples::verified_table("a")},
                            {samples::finding("1")}));
  auto further = samples::verified_table("b");
  further.rows = 99;
  written(*open(), verified(kShop, "shop-v1", {further}, {samples::finding("2")}));
  const auto store = open();
  EXPECT_EQ(store->verifications(kShop).value(), std::vector{samples::verification("shop-v1")});
  EXPECT_TRUE(store->verifications(kPay).value().empty());
  EXPECT_EQ(store->verified_tables("shop-v1").value(),
            (std::vector<verify::TableProgress>{samples::verified_table("a"), further}));
  EXPECT_EQ(store->findings("shop-v1", 10).value(),
            (std::vector<verify::Finding>{samples::finding("1"), samples::finding("2")}));
  EXPECT_EQ(store->findings("shop-v1", 1).value().size(), 1U);
}

TEST_F(StoreTest, DropsAllButTheNewestVerificationsOfEachCluster) {
  const auto store = open({.verifications = 2});
  written(*store, verified(kPay, "pay-v1", {samples::verified_table()}));
  for (const auto* id : {"shop-v1", "shop-v2", "shop-v3"}) {
    written(*store, verified(kShop, id, {samples::verified_table()}, {samples::finding()}));
  }
  EXPECT_TRUE(store->verified_tables("shop-v1").value().empty());
  EXPECT_TRUE(store->findings("shop-v1", 10).value().empty());
  EXPECT_EQ(store->verified_tables("shop-v2").value().size(), 1U);
  EXPECT_EQ(ids_of(store->verifications(kShop).value()), (std::vector<std::string>{"shop-v3", "shop-v2"}));
  EXPECT_EQ(store->verified_tables("pay-v1").value().size(), 1U);
}

TEST_F(StoreTest, KeepsAFullVerificationHoweverManySmallOnesThereAre) {
  const auto store = open({.verifications = 2});
  auto full = verified(kShop, "shop-v1");
  full.verification->run.full = true;
  full.verification->run.settings = {};
  written(*store, full);
  for (const auto* id : {"shop-v2", "shop-v3", "shop-v4"}) {
    auto small = verified(kShop, id);
    small.verification->run.full = false;
    written(*store, small);
  }
  EXPECT_EQ(ids_of(store->verifications(kShop).value()), (std::vector<std::string>{"shop-v4", "shop-v3", "shop-v1"}));
}

TEST_F(StoreTest, DropsWhatWasFoundInATableThatIsReadAnew) {
  const auto store = open();
  auto other = samples::finding("2");
  other.table.name = "leads";
  written(*store, verified(kShop, "shop-v1", {}, {samples::finding("1"), other}));
  written(*store, verified(kShop, "shop-v2", {}, {samples::finding("3")}));
  auto anew = verified(kShop, "shop-v1", {}, {samples::finding("4")});
  anew.verification->forgotten = {samples::finding().table};
  written(*store, anew);
  EXPECT_EQ(store->findings("shop-v1", 10).value(), (std::vector<verify::Finding>{other, samples::finding("4")}));
  EXPECT_EQ(store->findings("shop-v2", 10).value().size(), 1U) << "of another run";
}

TEST_F(StoreTest, ForgetsTheVerificationsOfAForgottenCluster) {
  const auto store = open();
  written(*store, verified(kShop, "shop-v1", {samples::verified_table()}, {samples::finding()}));
  ASSERT_TRUE(store->forget(kShop));
  EXPECT_TRUE(store->verifications(kShop).value().empty());
  EXPECT_TRUE(store->verified_tables("shop-v1").value().empty());
  EXPECT_TRUE(store->findings("shop-v1", 10).value().empty());
}

TEST_F(StoreTest, GivesBackWhatWasWrittenAfterItIsOpenedAgain) {
  written(*open(), {.cluster = kShop,
                    .memory = samples::memory(),
                    .operations = {samples::operation()},
                    .events = {samples::event()},
                    .revisions = {samples::revision(8)}});

  const auto store = open();
  const auto clusters = store->clusters().value();
  ASSERT_EQ(clusters.size(), 1U);
  EXPECT_EQ(clusters[0].first, kShop);
  EXPECT_EQ(clusters[0].second, samples::memory());
  EXPECT_EQ(store->operation({"shop-12"}).value(), samples::operation());
  const auto events = store->events(kShop, 0, 10).value();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event, samples::event());
  EXPECT_EQ(events[0].cluster, kShop);
  const auto revisions = store->revisions(kShop).value();
  ASSERT_EQ(revisions.size(), 1U);
  EXPECT_EQ(revisions[0], samples::revision(8));
  EXPECT_EQ(store->revision(kShop, {8}).value(), samples::revision(8));
}

TEST_F(StoreTest, KeepsHowTheApplyOfARevisionEnded) {
  const auto store = open();
  auto revision = samples::revision(8);
  revision.state = RevisionState::Applying;
  written(*store, {.cluster = kShop, .revisions = {revision, samples::revision(7)}});
  written(*store, {.cluster = kShop, .outcomes = {{{8}, RevisionState::TakenBack, samples::at(77)}}});
  revision.state = RevisionState::TakenBack;
  revision.finished = samples::at(77);
  EXPECT_EQ(store->revision(kShop, {8}).value(), revision);
  EXPECT_EQ(store->revision(kShop, {7}).value(), samples::revision(7));
}

TEST_F(StoreTest, NamesTheRevisionThatItDoesNotHave) {
  const auto result = open()->revision(kShop, {9});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::NoSuchRevision);
  EXPECT_NE(result.error().message.find("revision 9"), std::string::npos);
}

/// The tables of version 1 with a cluster whose revision 2 is in force, and a third that was taken back.
constexpr auto kVersion1 = R"sql(
  CREATE TABLE migration (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL);
  INSERT INTO migration VALUES (1, datetime('now'));
  CREATE TABLE cluster (name TEXT PRIMARY KEY, memory TEXT NOT NULL);
  CREATE TABLE revision (
    cluster TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL,
    document TEXT NOT NULL, PRIMARY KEY (cluster, number));
  CREATE TABLE operation (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, cluster TEXT NOT NULL, body TEXT NOT NULL);
  CREATE INDEX operation_by_cluster ON operation (cluster, sequence);
  CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, cluster TEXT NOT NULL, body TEXT NOT NULL);
  CREATE INDEX event_by_cluster ON event (cluster, id);
  INSERT INTO revision VALUES ('shop', 1, 100, 'ann', 'first "try"', 'name: shop'), ('shop', 2, 200, 'bob', '', 'name: shop #2'),
    ('shop', 3, 300, 'bob', '', 'name: shop #3'), ('gone', 1, 400, 'bob', '', 'name: gone');
)sql";

TEST_F(StoreTest, MakesRevisionsOfVersion1Readable) {
  auto memory = samples::memory();
  memory.revision = {2};
  memory.proposed.reset();
  memory.operation.reset();
  {
    SQLite::Database old(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    old.exec(kVersion1);
    SQLite::Statement put(old, "INSERT INTO cluster VALUES ('shop', ?)");
    put.bind(1, encode(memory));
    put.exec();
  }
  const auto store = open();
  const auto revisions = store->revisions(kShop).value();
  ASSERT_EQ(revisions.size(), 3U);
  EXPECT_EQ(revisions[0].state, RevisionState::TakenBack);
  EXPECT_EQ(revisions[0].spec, std::nullopt);
  EXPECT_EQ(revisions[1].state, RevisionState::Applied);
  EXPECT_EQ(revisions[1].spec, memory.spec);
  EXPECT_EQ(revisions[1].author, "bob");
  EXPECT_EQ(revisions[1].at, samples::at(200));
  EXPECT_EQ(revisions[2].note, "first \"try\"");
  EXPECT_EQ(revisions[2].document, "name: shop");
  EXPECT_EQ(revisions[2].spec, std::nullopt);
  EXPECT_EQ(store->revisions({"gone"}).value().size(), 1U);
  EXPECT_EQ(store->clusters().value().at(0).second, memory);
}

TEST_F(StoreTest, KeepsFilesForTheOwnerOnly) {
  std::ofstream(path).close();
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  const auto store = open();
  written(*store, {.cluster = kShop, .memory = Memory{}});
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(mode_of(path + "-wal"), 0600U);
  EXPECT_EQ(mode_of(path + "-shm"), 0600U);
}

TEST_F(StoreTest, ReplacesAnOperationAndKeepsItsPlaceInTheHistory) {
  const auto store = open();
  for (std::uint64_t n = 1; n <= 3; ++n) written(*store, {.cluster = kShop, .operations = {samples::operation(n)}});
  auto ended = samples::operation(1);
  ended.state = OperationState::Done;
  written(*store, {.cluster = kShop, .operations = {ended}});

  const auto history = store->operations(kShop, 10).value();
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0].id.value, "shop-3");
  EXPECT_EQ(history[2], ended);
  EXPECT_EQ(store->operations(kShop, 2).value().size(), 2U);
}

TEST_F(StoreTest, NamesTheOperationThatItDoesNotHave) {
  const auto result = open()->operation({"shop-99"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::NoSuchOperation);
  EXPECT_NE(result.error().message.find("shop-99"), std::string::npos);
}

TEST_F(StoreTest, ListsEventsFromACursorAndTheNewest) {
  const auto store = open();
  for (int i = 1; i <= 6; ++i) {
    written(*store, {.cluster = i % 2 == 0 ? kPay : kShop, .events = {samples::event(std::to_string(i))}});
  }
  const auto texts = [](const std::vector<StoredEvent>& events) {
    std::string all;
    for (const auto& e : events) all += e.event.text;
    return all;
  };
  EXPECT_EQ(texts(store->events(std::nullopt, 0, 100).value()), "123456");
  EXPECT_EQ(texts(store->events(std::nullopt, 2, 3).value()), "345");
  EXPECT_EQ(texts(store->events(kShop, 1, 100).value()), "35");
  EXPECT_EQ(texts(store->latest_events(std::nullopt, 2).value()), "56");
  EXPECT_EQ(texts(store->latest_events(kPay, 2).value()), "46");
  EXPECT_EQ(texts(store->events(std::nullopt, 6, 100).value()), "");
}

TEST_F(StoreTest, KeepsOnlyTheNewestEventsAndOperationsAndTheirNumbersGoOn) {
  {
    const auto store = open({.events = 10, .operations = 5});
    for (std::uint64_t n = 1; n <= 25; ++n) {
      written(*store, {.cluster = kShop,
                       .operations = {samples::operation(n)},
                       .events = {samples::event(), samples::event(std::to_string(n))}});
    }
    EXPECT_EQ(store->operations(kShop, 100).value().size(), 5U);
    EXPECT_EQ(store->operations(kShop, 100).value().front().id.value, "shop-25");
    const auto events = store->events(std::nullopt, 0, 1000).value();
    ASSERT_EQ(events.size(), 10U);
    EXPECT_EQ(events.back().id, 50);
    EXPECT_EQ(events.front().id, 41);
  }
  const auto store = open({.events = 10, .operations = 5});
  written(*store, {.cluster = kShop, .events = {samples::event()}});
  EXPECT_EQ(store->latest_events(std::nullopt, 1).value().at(0).id, 51);
}

TEST_F(StoreTest, ForgetsAClusterButNotWhatWasDoneToIt) {
  const auto store = open();
  for (const auto& cluster : {kShop, kPay}) {
    written(*store, {.cluster = cluster,
                     .memory = Memory{},
                     .events = {samples::event()},
                     .revisions = {AppliedRevision{.revision = {1}}}});
  }
  written(*store, {.cluster = kShop, .operations = {samples::operation()}});
  ASSERT_TRUE(store->forget(kShop));
  EXPECT_EQ(store->clusters().value().size(), 1U);
  EXPECT_EQ(store->clusters().value()[0].first, kPay);
  EXPECT_TRUE(store->revisions(kShop).value().empty());
  EXPECT_EQ(store->revisions(kPay).value().size(), 1U);
  EXPECT_TRUE(store->operations(kShop, 10).value().empty());
  EXPECT_EQ(store->events(kShop, 0, 10).value().size(), 1U);
}

TEST_F(StoreTest, StoresNothingOfARecordThatFails) {
  const auto store = open();
  {
    SQLite::Database other(path, SQLite::OPEN_READWRITE);
    other.exec("CREATE TRIGGER disk_full BEFORE INSERT ON event BEGIN SELECT raise(ABORT, 'disk full'); END");
  }
  const auto result = store->write(
      {.cluster = kShop, .memory = Memory{}, .operations = {samples::operation()}, .events = {samples::event()}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::StoreFailed);
  EXPECT_NE(result.error().message.find("disk full"), std::string::npos) << result.error().message;
  EXPECT_TRUE(store->clusters().value().empty());
  EXPECT_TRUE(store->operations(kShop, 10).value().empty());
  {
    SQLite::Database other(path, SQLite::OPEN_READWRITE);
    other.exec("DROP TRIGGER disk_full");
  }
  written(*store, {.cluster = kShop, .memory = Memory{}, .events = {samples::event()}});
  EXPECT_EQ(store->clusters().value().size(), 1U);
}

TEST_F(StoreTest, RefusesAFileOfANewerVersion) {
  open().reset();
  SQLite::Database(path, SQLite::OPEN_READWRITE).exec("INSERT INTO migration VALUES (1000, 'later')");
  const auto result = Store::open(path);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::StoreFailed);
  EXPECT_NE(result.error().message.find("1000"), std::string::npos) << result.error().message;
}

TEST_F(StoreTest, RefusesAFileThatIsNoStore) {
  std::ofstream(path) << std::string(8192, 'x');
  const auto result = Store::open(path);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find(path), std::string::npos) << result.error().message;
}

TEST_F(StoreTest, RefusesADamagedFile) {
  {
    const auto store = open();
    for (int i = 0; i < 200; ++i)
      written(*store, {.cluster = kShop, .events = {samples::event(std::string(500, 'e'))}});
  }
  const auto size = std::filesystem::file_size(path);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file << std::string(20'000, '\xa5');
  }
  EXPECT_FALSE(Store::open(path));
}

TEST_F(StoreTest, SaysWhichDirectoryIsMissing) {
  const auto result = Store::open(directory / "no/such/store.db");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("No such file"), std::string::npos) << result.error().message;
}

TEST_F(StoreTest, TakesWritesAndReadsFromSeveralThreads) {
  const auto store = open();
  constexpr int kEach = 30;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&store, t] {
      const ClusterId cluster{fmt::format("c{}", t)};
      for (int i = 0; i < kEach; ++i) {
        EXPECT_TRUE(store->write({.cluster = cluster, .memory = samples::memory(), .events = {samples::event()}}));
        EXPECT_EQ(store->events(cluster, 0, 1000).value().size(), static_cast<std::size_t>(i + 1));
        EXPECT_TRUE(store->clusters());
      }
    });
  }
  threads.clear();
  EXPECT_EQ(store->events(std::nullopt, 0, 1000).value().size(), 3U * kEach);
}

}  // namespace
}  // namespace repl::store
