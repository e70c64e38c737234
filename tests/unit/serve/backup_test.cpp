// Backups: what goes in comes out, and nothing else is taken.
#include "serve/backup.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "../temporary_directory.hpp"
#include "shop.hpp"

namespace repl::serve {
namespace {

const ClusterId kShop{"shop"};

struct BackupTest : testing::Test {
  TemporaryDirectory directory;
  const std::string store_path = directory / "store.db";
  const std::string copy = directory / "store.copy";
  const std::string file = directory / "repld.backup";

  BackupTest() {
    const auto store = store::Store::open(store_path).value();
    auto memory = shop::Shop{}.memory;
    memory.office.term = {4};
    auto operation = shop::operation();
    operation.revision = {3};
    memory.operation = operation;
    memory.proposed = memory.spec;
    memory.revisions = 3;
    memory.prior_settings["u"]["max_connections"] = {"151", std::nullopt};
    memory.proposed_prior_settings.emplace()["u"]["sync_binlog"] = {"0", std::nullopt};
    auto applying = shop::revision(3);
    applying.state = RevisionState::Applying;
    const store::Record record{.cluster = kShop,
                               .memory = memory,
                               .operations = {operation},
                               .events = {Event{.at = shop::kNow, .kind = "note", .text = "before"}},
                               .revisions = {shop::revision(2), applying}};
    if (!store->write(record)) throw std::runtime_error("not written");
    write(make_backup(*store, "1.2.3", shop::kNow, copy).value());
  }
  void write(const std::string& bytes) const { std::ofstream(file, std::ios::binary) << bytes; }
  std::string text() const {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  void is_refused(const std::string& why) {
    const auto read = read_backup(file, copy);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find(why), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find("nothing was changed"), std::string::npos) << read.error().message;
    EXPECT_FALSE(std::filesystem::exists(copy));
  }
};

TEST_F(BackupTest, SaysFirstWhatItIs) {
  EXPECT_EQ(text().substr(0, 63), "repld backup 1\nversion 1.2.3\nat 1700000000000000 (2023-11-14 22");
}

TEST_F(BackupTest, GivesBackAllThatWasKnownMarkedAsRestored) {
  const auto contents = read_backup(file, copy);
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(contents->version, "1.2.3");
  EXPECT_EQ(contents->at, shop::kNow);
  ASSERT_EQ(contents->lines.size(), 2U);
  EXPECT_EQ(
      contents->lines[0],
      "cluster shop: revision 2, 3 nodes, primary db1 in term 4; 2 revisions and 1 operations; shop-4 (switchover) "
      "was going on");
  const auto store = store::Store::open(copy).value();
  const auto memory = store->clusters().value().at(0).second;
  EXPECT_EQ(memory.restored, shop::kNow);
  EXPECT_EQ(memory.office.term, Term{4});
  EXPECT_EQ(memory.spec, shop::spec());
  EXPECT_EQ(memory.revisions, 3U);
  // What was going on is not gone on with.
  EXPECT_EQ(memory.operation, std::nullopt);
  EXPECT_EQ(memory.proposed, std::nullopt);
  EXPECT_EQ(memory.prior_settings.at("u").size(), 2U);
  EXPECT_EQ(store->operation({"shop-4"}).value().state, OperationState::NeedsPerson);
  EXPECT_EQ(store->revision(kShop, {3}).value().state, RevisionState::NeedsPerson);
  EXPECT_EQ(store->revision(kShop, {2}).value(), shop::revision(2));
  EXPECT_EQ(store->latest_events(kShop, 1).value().at(0).event.kind, "restored");
}

TEST_F(BackupTest, IsRefusedWhenAnyByteIsAnother) {
  const auto whole = text();
  for (const auto at : {whole.size() - 1, whole.size() / 2, whole.find("sha256") + 9}) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    write(damaged);
    is_refused("digest");
  }
  write(whole.substr(0, whole.size() - 4096));
  is_refused("bytes are there");
  write(whole + "x");
  is_refused("bytes are there");
  write("SQLite format 3");
  is_refused("its first line is another");
  write("repld backup 2\n");
  is_refused("a newer repld has made it");
  std::filesystem::remove(file);
  EXPECT_FALSE(read_backup(file, copy));
}

TEST_F(BackupTest, TakesAnEmptyPlaceWithoutAsking) {
  const std::string empty = directory / "new.db";
  ASSERT_TRUE(read_backup(file, copy));
  const auto kept = put_in_place(copy, empty, shop::kNow, Overwrite::No);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(*kept, "");
  struct stat found {};
  ASSERT_EQ(::stat(empty.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_EQ(store::Store::open(empty).value()->clusters().value().size(), 1U);
}

TEST_F(BackupTest, ReplacesWhatIsKnownOnlyWhenForcedAndKeepsIt) {
  ASSERT_TRUE(read_backup(file, copy));
  const auto refused = put_in_place(copy, store_path, shop::kNow, Overwrite::No);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  EXPECT_NE(refused.error().message.find("knows shop (with operation shop-4 under way)"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(store::Store::open(store_path).value()->clusters().value().at(0).second.restored, std::nullopt);
  const auto kept = put_in_place(copy, store_path, shop::kNow, Overwrite::Yes);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(store::Store::open(store_path).value()->clusters().value().at(0).second.restored, shop::kNow);
  EXPECT_EQ(store::Store::open(*kept).value()->clusters().value().at(0).second.restored, std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(copy));
}

TEST_F(BackupTest, ReplacesADamagedStoreWhenForced) {
  { std::ofstream(store_path, std::ios::binary) << "not a database, whatever its name says"; }
  ASSERT_TRUE(read_backup(file, copy));
  EXPECT_FALSE(put_in_place(copy, store_path, shop::kNow, Overwrite::No));
  ASSERT_TRUE(put_in_place(copy, store_path, shop::kNow, Overwrite::Yes));
  EXPECT_TRUE(store::Store::open(store_path));
}

}  // namespace
}  // namespace repl::serve
