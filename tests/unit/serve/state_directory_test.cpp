#include "serve/state_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "../temporary_directory.hpp"

namespace repl::serve {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 0777 : 0;
}

TEST(StateDirectory, IsMadeForTheOwnerOnly) {
  const TemporaryDirectory temporary;
  const auto path = temporary / "a/b/state";
  const auto state = StateDirectory::take(path);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(state->store_path(), path + "/store.db");
}

TEST(StateDirectory, BelongsToOneAtATime) {
  const TemporaryDirectory temporary;
  {
    const auto first = StateDirectory::take(temporary.path());
    ASSERT_TRUE(first);
    const auto second = StateDirectory::take(temporary.path());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::Conflict);
    EXPECT_NE(second.error().message.find(fmt::format("process {}", ::getpid())), std::string::npos)
        << second.error().message;
  }
  EXPECT_TRUE(StateDirectory::take(temporary.path()));
}

TEST(StateDirectory, NamesTheAddressWhileItIsHeld) {
  const TemporaryDirectory temporary;
  {
    auto state = StateDirectory::take(temporary.path());
    ASSERT_TRUE(state->publish({"127.0.0.1", 4711}));
    EXPECT_EQ(contents_of(temporary / "address"), "127.0.0.1:4711\n");
  }
  EXPECT_FALSE(std::filesystem::exists(temporary / "address"));
}

TEST(Token, IsMadeOnceAndKept) {
  const TemporaryDirectory temporary;
  const auto path = temporary / "token";
  const auto made = load_or_make_token(path);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->size(), 64U);
  EXPECT_EQ(made->find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(load_or_make_token(path).value(), *made);
}

TEST(Token, IsAnotherOneEachTime) {
  const TemporaryDirectory temporary;
  std::set<std::string> tokens;
  for (int i = 0; i < 20; ++i) tokens.insert(load_or_make_token(temporary / std::to_string(i)).value());
  EXPECT_EQ(tokens.size(), 20U);
}

TEST(Token, IsRefusedWhenOthersMayReadItOrItIsShort) {
  const TemporaryDirectory temporary;
  const auto path = temporary / "token";
  std::ofstream(path) << std::string(64, 'a') << "\n";
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  const auto open_to_others = load_or_make_token(path);
  ASSERT_FALSE(open_to_others);
  EXPECT_EQ(open_to_others.error().code, ErrorCode::SecretUnavailable);
  EXPECT_EQ(open_to_others.error().message.find("aaaa"), std::string::npos);
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(load_or_make_token(path).value(), std::string(64, 'a'));
  std::ofstream(path) << "short\n";
  EXPECT_FALSE(load_or_make_token(path));
  EXPECT_FALSE(load_or_make_token(temporary / "no/such/directory/token"));
}

}  // namespace
}  // namespace repl::serve
