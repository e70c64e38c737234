#include "mysql/secrets.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace repl::mysql {
namespace {

using Kind = SecretRef::Kind;

class SecretFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "secret-XXXXXX").string();
    const int fd = mkstemp(name.data());
    ASSERT_GE(fd, 0);
    close(fd);
    path = name;
  }
  void TearDown() override { std::filesystem::remove(path); }
  std::string path;
};

TEST_F(SecretFile, IsReadWithoutItsLineEnd) {
  std::ofstream{path} << "pa ss\r\n";
  const auto secret = resolve_secret({Kind::File, path});
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(*secret, "pa ss");
}

TEST_F(SecretFile, IsRefusedWhenOthersMayReadIt) {
  std::ofstream{path} << "hidden";
  chmod(path.c_str(), 0644);
  const auto secret = resolve_secret({Kind::File, path});
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().code, ErrorCode::SecretUnavailable);
  EXPECT_NE(secret.error().message.find(path), std::string::npos);
  EXPECT_EQ(secret.error().message.find("hidden"), std::string::npos);
}

TEST(Secret, NamesTheMissingFile) {
  const auto secret = resolve_secret({Kind::File, "/nowhere/admin"});
  ASSERT_FALSE(secret);
  EXPECT_NE(secret.error().message.find("/nowhere/admin"), std::string::npos);
}

TEST(Secret, IsTakenFromTheEnvironment) {
  setenv("REPL_TEST_SECRET", "from env", 1);
  EXPECT_EQ(resolve_secret({Kind::Env, "REPL_TEST_SECRET"}), Result<std::string>{"from env"});
  unsetenv("REPL_TEST_SECRET");
  EXPECT_FALSE(resolve_secret({Kind::Env, "REPL_TEST_SECRET"}));
}

TEST(Secret, IsTheOutputOfACommand) {
  EXPECT_EQ(resolve_secret({Kind::Exec, "printf 'a b\\n'"}), Result<std::string>{"a b"});
}

TEST(Secret, OfAFailedCommandIsNotUsed) {
  const auto secret = resolve_secret({Kind::Exec, "printf hidden; exit 3"});
  ASSERT_FALSE(secret);
  EXPECT_NE(secret.error().message.find("status 3"), std::string::npos);
}

TEST(Secret, OfACommandThatHangsIsGivenUpWithItsChildren) {
  const auto started = std::chrono::steady_clock::now();
  EXPECT_FALSE(resolve_secret({Kind::Exec, "sleep 1000 | cat"}));
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds{20});
}

}  // namespace
}  // namespace repl::mysql
